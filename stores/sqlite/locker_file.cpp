#include "stores/sqlite/locker_file.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <strings.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string_view>

#include "engine/store_error.h"
#include "locks/limits.h"

namespace lockkeeper::stores::sqlite {

namespace {

using engine::StoreError;
using rapidjson::Value;

std::string_view text(const Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string all{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) throw StoreError("cannot read " + path + ": " + std::strerror(errno));
  return all;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  std::vector<LockerLock> read(const Value& file) {
    if (!file.IsObject()) throw StoreError(path_ + " is not an original locker's file: not a JSON object");
    std::set<std::string_view> names;
    std::vector<LockerLock> locks;
    for (const auto& [name, value] : file.GetObject()) {
      lock_ = text(name);
      if (!names.insert(text(name)).second) refuse("is there twice");
      auto lock = read_lock(value);
      if (!lock.key.empty()) locks.push_back(std::move(lock));
    }
    return locks;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw StoreError(path_ + ": lock '" + lock_.substr(0, 64) + "' " + why + "; nothing was imported");
  }

  // Members without case, as the original reads them; those it does not know don't matter.
  const Value* member(const Value& object, const char* name) const {
    const Value* found = nullptr;
    for (const auto& [key, value] : object.GetObject()) {
      if (key.GetStringLength() != std::strlen(name) || strcasecmp(key.GetString(), name) != 0) continue;
      if (found) refuse("has " + std::string(name) + " twice");
      found = &value;
    }
    return found && !found->IsNull() ? found : nullptr;
  }

  LockerLock read_lock(const Value& value) const {
    LockerLock lock;
    lock.name = lock_;
    if (value.IsNull()) return lock;
    if (!value.IsObject()) refuse("is not an object");
    if (const auto* key = member(value, "key")) {
      if (!key->IsString()) refuse("has a key that is not a string");
      lock.key = text(*key);
    }
    if (const auto* holders = member(value, "locked_by")) read_holders(*holders, lock);
    if (lock.key.empty()) return lock;
    if (lock.holders.empty()) lock.holders[lock.key] = 1;
    check_limits(lock);
    return lock;
  }

  void read_holders(const Value& holders, LockerLock& lock) const {
    if (!holders.IsObject()) refuse("has a locked_by that is not an object");
    std::set<std::string_view> seen;
    for (const auto& [holder, count] : holders.GetObject()) {
      const auto name = std::string(text(holder));
      if (!seen.insert(text(holder)).second) refuse("has the holder '" + name.substr(0, 64) + "' twice");
      if (!count.IsInt64() && !count.IsUint64()) refuse("has a count that is not a whole number");
      if (!count.IsUint64()) refuse("has a negative count, of '" + name.substr(0, 64) + "'");
      if (count.GetUint64() > limits_.tally_count)
        refuse("has a count above the limit, of '" + name.substr(0, 64) + "'");
      if (count.GetUint64() > 0) lock.holders[name] = count.GetUint64();
    }
  }

  void check_limits(const LockerLock& lock) const {
    if (const auto fault = locks::name_fault(lock.name, limits_)) refuse("cannot be taken over: " + *fault);
    if (lock.holders.size() > limits_.holders) refuse("has too many holders");
    for (const auto& [holder, count] : lock.holders) {
      locks::Command command;
      command.lock = lock.name;
      command.what = locks::Acquire{
          .key = lock.key, .holder = holder, .claim = {}, .request = {}, .begun = {}, .metadata = {}};
      if (const auto fault = locks::fault(command, limits_)) refuse("cannot be taken over: " + *fault);
    }
  }

  const std::string& path_;
  const locks::Limits limits_;
  std::string lock_;  // being read
};

}  // namespace

std::vector<LockerLock> read_locker_file(const std::string& path) {
  const auto all = contents(path);
  if (all.empty()) return {};  // recorded case file-empty: no locks
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(all.data(), all.size());
  if (document.HasParseError()) {
    throw StoreError(path +
                     " is not an original locker's file: " + rapidjson::GetParseError_En(document.GetParseError()) +
                     " at byte " + std::to_string(document.GetErrorOffset()));
  }
  return Reader(path).read(document);
}

}  // namespace lockkeeper::stores::sqlite
