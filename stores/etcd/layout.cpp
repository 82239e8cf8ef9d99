#include "stores/etcd/layout.h"

#include <charconv>
#include <map>
#include <utility>

#include "wire/record_json.h"

namespace lockkeeper::stores::etcd {
namespace {

constexpr std::size_t kDigits = 20;

Compare value(std::string key, Compare::Is is, std::string text) {
  return {std::move(key), Compare::Of::value, is, 0, std::move(text)};
}

Put put(std::string key, std::string text) {
  return {std::move(key), std::move(text), 0};
}

}  // namespace

std::string digits(locks::Version version) {
  const std::string number = std::to_string(version);
  return std::string(kDigits - number.size(), '0') + number;
}

locks::Version version_of(std::string_view text) {
  locks::Version version = 0;
  const std::string_view number = text.substr(0, kDigits);
  const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), version);
  if (fault != std::errc() || end != number.data() + kDigits) return 0;
  return version;
}

std::string end_of(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');  // etcd's word for the end of all keys
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::string encode_events(const std::vector<locks::Event>& events) {
  std::string text, line;
  for (const auto& event : events) {
    wire::encode(event, line);
    if (!text.empty()) text += '\n';
    text += line;
  }
  return text;
}

std::vector<locks::Event> decode_events(std::string_view value) {
  std::vector<locks::Event> events;
  while (!value.empty()) {
    const auto end = value.find('\n');  // JSON writes those of its texts as \n
    events.push_back(wire::decode_event(value.substr(0, end)));
    value = end == std::string_view::npos ? std::string_view() : value.substr(end + 1);
  }
  return events;
}

Layout::Layout(std::string prefix)
    : prefix_(std::move(prefix)),
      heads_(prefix_ + "h" + '\0'),
      rows_(prefix_ + "r" + '\0'),
      events_(prefix_ + "e" + '\0'),
      timed_(prefix_ + "t" + '\0') {}

std::string Layout::rows(std::string_view lock) const {
  return rows_ + std::string(lock) + '\0';
}

std::string Layout::row(std::string_view lock, const locks::RowId& id) const {
  return rows(lock) + static_cast<char>('0' + static_cast<int>(id.kind)) + id.id;
}

std::string Layout::events(std::string_view lock) const {
  return events_ + std::string(lock) + '\0';
}

std::string Layout::events(std::string_view lock, locks::Version last) const {
  return events(lock) + digits(last);
}

std::string_view Layout::row_lock(std::string_view key) const {
  key.remove_prefix(rows_.size());
  return key.substr(0, key.find('\0'));
}

std::string_view Layout::events_lock(std::string_view key) const {
  key.remove_prefix(events_.size());
  return key.substr(0, key.find('\0'));
}

std::vector<Compare> Layout::is_at(const std::string& lock, locks::Version version) const {
  return {value(head(lock), Compare::Is::greater, digits(version)),
          value(head(lock), Compare::Is::less, digits(version + 1))};
}

std::vector<Step> Layout::ranges(const std::string& lock) const {
  std::vector<Step> steps;
  steps.emplace_back(Range{head(lock)});
  steps.emplace_back(Range{rows(lock), end_of(rows(lock))});
  steps.emplace_back(Range{floor()});
  return steps;
}

Txn Layout::commit(const std::string& lock, const locks::Change& change) const {
  Txn txn;
  if (change.creates) {
    txn.when.push_back({head(lock), Compare::Of::create_revision, Compare::Is::equal, 0, {}});
    txn.when.push_back(value(floor(), Compare::Is::equal, digits(change.expected)));
  } else {
    txn.when = is_at(lock, change.expected);
  }
  std::string text;
  wire::encode(change.head, text);
  txn.then.emplace_back(put(head(lock), digits(change.head.version) + " " + text));
  if (!change.events.empty()) {
    txn.then.emplace_back(put(events(lock, change.events.back().version), encode_events(change.events)));
  }
  // etcd takes one operation a key: the last one.
  std::map<locks::RowId, const locks::Row*> rows;
  for (const auto& each : change.rows) {
    if (const auto* gone = std::get_if<locks::RowId>(&each)) {
      rows[*gone] = nullptr;
    } else {
      rows[locks::id(std::get<locks::Row>(each))] = &std::get<locks::Row>(each);
    }
  }
  for (const auto& [id, content] : rows) {
    if (content == nullptr) {
      txn.then.emplace_back(Delete{row(lock, id), {}});
    } else {
      wire::encode(*content, text);
      txn.then.emplace_back(put(row(lock, id), text));
    }
  }
  // Only rows are timed: without them, nothing ceases to be.
  if (change.head.timed != 0) {
    txn.then.emplace_back(put(timed(lock), {}));
  } else if (!rows.empty() && !change.creates) {
    txn.then.emplace_back(Delete{timed(lock), {}});
  }
  txn.otherwise = ranges(lock);
  return txn;
}

Txn Layout::prune(const std::string& lock, locks::Version expected) const {
  Txn txn;
  txn.when = is_at(lock, expected);
  txn.then.emplace_back(Delete{head(lock), {}});
  txn.then.emplace_back(Delete{rows(lock), end_of(rows(lock))});
  txn.then.emplace_back(Delete{timed(lock), {}});
  auto raise = std::make_unique<Txn>();
  raise->when.push_back(value(floor(), Compare::Is::less, digits(expected)));
  raise->then.emplace_back(put(floor(), digits(expected)));
  txn.then.emplace_back(std::move(raise));
  return txn;
}

Txn Layout::read(const std::string& lock) const {
  Txn txn;
  txn.then = ranges(lock);
  return txn;
}

engine::Found Layout::found(const std::vector<Ranged>& steps, std::size_t first) const {
  if (steps.size() < first + 3) throw wire::WireError("etcd's answer has a part too few");
  engine::Found found;
  const auto& floor = steps[first + 2].kvs;
  if (floor.empty()) throw wire::WireError("the floor of all versions has gone from etcd");
  found.floor = version_of(floor.front().value);
  if (steps[first].kvs.empty()) return found;
  found.record.emplace();
  found.record->head = decode_head(steps[first].kvs.front().value);
  for (const auto& row : steps[first + 1].kvs) add_row(*found.record, row);
  return found;
}

locks::Head Layout::decode_head(std::string_view value) const {
  if (value.size() <= kDigits || value[kDigits] != ' ') throw wire::WireError("a head without a version");
  locks::Head head = wire::decode_head(value.substr(kDigits + 1));
  head.version = version_of(value);
  if (head.version == 0) throw wire::WireError("a head without a version");
  return head;
}

void Layout::add_row(locks::Record& record, const KeyValue& row) const {
  const std::size_t kind = rows_.size() + row_lock(row.key).size() + 1;
  if (row.key.size() <= kind || row.key[kind] < '1' || row.key[kind] > '4') {
    throw wire::WireError("a row of an unknown kind");
  }
  wire::insert(record, wire::decode_row(static_cast<locks::RowKind>(row.key[kind] - '0'), row.value));
}

}  // namespace lockkeeper::stores::etcd
