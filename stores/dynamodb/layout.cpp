#include "stores/dynamodb/layout.h"

#include <charconv>

#include "wire/record_json.h"

namespace lockkeeper::stores::dynamodb {
namespace {

const Attribute& attribute(const Item& item, const char* name, Attribute::Type type) {
  const auto found = item.find(name);
  if (found == item.end() || found->second.type != type) {
    throw wire::WireError(std::string("an item of the table has no attribute ") + name + " as it should");
  }
  return found->second;
}

template <class Number>
Number parsed(const Item& item, const char* name) {
  const std::string& text = attribute(item, name, Attribute::Type::number).value;
  Number value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) {
    throw wire::WireError(std::string("the attribute ") + name + " is no whole number");
  }
  return value;
}

}  // namespace

Table wanted_table() {
  constexpr auto type = Attribute::Type::bytes;
  return {{"p", type}, KeyPart{"s", type}, {{timed_index, {"t", type}}}, true};
}

Item key_of(std::string partition, std::string sort) {
  return {{"p", bytes(std::move(partition))}, {"s", bytes(std::move(sort))}};
}

std::string shard(unsigned number) {
  std::string partition(locks_prefix);
  partition += static_cast<char>('0' + number / 10);
  partition += static_cast<char>('0' + number % 10);
  return partition;
}

// FNV-1a: it has to be the same in every build of every server.
std::string shard_of(const std::string& lock) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : lock) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return shard(static_cast<unsigned>((hash ^ (hash >> 32)) % shards));
}

Item lock_key(const std::string& lock) {
  return key_of(shard_of(lock), lock);
}
Item layout_key() {
  return key_of("meta", "layout");
}
Item floor_key() {
  return key_of("meta", "floor");
}

std::string history_of(const std::string& lock) {
  return std::string(history_prefix) + lock;
}

std::string sort_of(locks::Version version) {
  std::string sort(8, '\0');
  for (std::size_t i = 8; i-- > 0; version >>= 8) sort[i] = static_cast<char>(version & 0xff);
  return sort;
}

locks::Version version_of_sort(const std::string& sort) {
  if (sort.size() != 8) throw wire::WireError("an event of the table has no version");
  locks::Version version = 0;
  for (const char c : sort) version = version << 8 | static_cast<unsigned char>(c);
  return version;
}

const std::string& bytes_of(const Item& item, const char* name) {
  return attribute(item, name, Attribute::Type::bytes).value;
}
std::uint64_t number_of(const Item& item, const char* name) {
  return parsed<std::uint64_t>(item, name);
}
std::int64_t signed_of(const Item& item, const char* name) {
  return parsed<std::int64_t>(item, name);
}

}  // namespace lockkeeper::stores::dynamodb
