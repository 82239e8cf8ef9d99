#include "engine/gates.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "locks/gate.h"

namespace lockkeeper::engine {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void Gates::saw(const std::string& name, const locks::Gate* gate) {
  auto known = numbers_.find(name);
  // Another one under the same id.
  if (known != numbers_.end() && gate != nullptr && by_number_.at(known->second).gate.created != gate->created) {
    saw(name, nullptr);
    known = numbers_.end();
  }
  if (gate == nullptr || gate->status != locks::Gate::Status::released) {
    if (known == numbers_.end()) return;
    by_number_.erase(known->second);
    numbers_.erase(known);
  } else if (known != numbers_.end()) {
    by_number_.at(known->second).gate = *gate;
  } else {
    numbers_.emplace(name, ++last_);
    by_number_.emplace(last_, Released{std::string(locks::gate_id(name)), *gate, pass_});
    news_ = true;
  }
}

void Gates::seen(const std::string& name) {
  const auto known = numbers_.find(name);
  if (known != numbers_.end()) by_number_.at(known->second).seen = pass_;
}

std::vector<std::string> Gates::not_seen() const {
  std::vector<std::string> names;
  for (const auto& [number, released] : by_number_) {
    if (released.seen != pass_) names.push_back(locks::gate_name(released.id));
  }
  return names;
}

GatesRead Gates::read(const ReadGates& question) const {
  GatesRead read;
  std::uint64_t from = 0;
  const std::string_view cursor = question.cursor;
  if (!cursor.empty()) {
    const auto known = cursor.starts_with(source_) ? number(cursor.substr(source_.size())) : std::nullopt;
    read.reset = !known || *known > last_;
    if (!read.reset) from = *known;
  }
  for (auto at = by_number_.upper_bound(from); at != by_number_.end() && read.gates.size() < question.limit; ++at) {
    read.gates.push_back({at->second.id, at->second.gate});
    from = at->first;
  }
  read.cursor = source_ + std::to_string(from);
  return read;
}

void Gates::park(Call& call) {
  call.next = nullptr;
  waiting_.insert({call.until, &call});
  ends_.emplace(&call, call.until);
}

Call* Gates::unpark(const Call* call) {
  const auto end = ends_.find(call);
  if (end == ends_.end()) return nullptr;
  const auto at = waiting_.find({end->second, const_cast<Call*>(call)});
  Call* const found = at->second;
  waiting_.erase(at);
  ends_.erase(end);
  return found;
}

Calls Gates::woken() {
  if (!std::exchange(news_, false)) return {};
  return take_all();
}

Calls Gates::take_all() {
  Calls all;
  for (const auto& [until, call] : waiting_) all.push_back(*call);
  waiting_.clear();
  ends_.clear();
  return all;
}

}  // namespace lockkeeper::engine
