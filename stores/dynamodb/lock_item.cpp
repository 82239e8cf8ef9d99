#include "stores/dynamodb/lock_item.h"

#include "stores/dynamodb/layout.h"
#include "stores/dynamodb/packed.h"
#include "wire/record_json.h"

namespace lockkeeper::stores::dynamodb {
namespace {

// A line a head, a row, an event: JSON holds no line's end. A row's begins with its kind.
template <class Encoded>
void add_line(std::string& lines, const Encoded& encoded, std::string& buffer) {
  wire::encode(encoded, buffer);
  lines += buffer;
  lines += '\n';
}

void add_row(std::string& lines, locks::RowKind kind, const locks::Row& row, std::string& buffer) {
  lines += static_cast<char>('0' + static_cast<int>(kind));
  add_line(lines, row, buffer);
}

std::string_view next_line(std::string_view& lines) {
  const auto end = lines.find('\n');
  if (end == std::string_view::npos) throw wire::WireError("an item of the table was cut short");
  const auto line = lines.substr(0, end);
  lines.remove_prefix(end + 1);
  return line;
}

std::string encode_record(const locks::Record& record) {
  std::string lines, buffer;
  add_line(lines, record.head, buffer);
  for (const auto& claim : record.claims) add_row(lines, locks::RowKind::claim, claim, buffer);
  for (const auto& waiter : record.waiters) add_row(lines, locks::RowKind::waiter, waiter, buffer);
  for (const auto& closed : record.closed) add_row(lines, locks::RowKind::closed, closed, buffer);
  if (record.gate) add_row(lines, locks::RowKind::gate, *record.gate, buffer);
  return pack(lines);
}

locks::Record decode_record(std::string_view bytes) {
  const std::string text = unpack(bytes);
  std::string_view lines = text;
  locks::Record record;
  record.head = wire::decode_head(next_line(lines));
  while (!lines.empty()) {
    const auto line = next_line(lines);
    if (line.empty()) throw wire::WireError("an item of the table has an empty row");
    wire::insert(record, wire::decode_row(static_cast<locks::RowKind>(line[0] - '0'), line.substr(1)));
  }
  return record;
}

}  // namespace

std::string encode_events(const std::vector<locks::Event>& events) {
  std::string lines, buffer;
  for (const auto& event : events) add_line(lines, event, buffer);
  return pack(lines);
}

std::vector<locks::Event> decode_events(std::string_view bytes) {
  const std::string text = unpack(bytes);
  std::string_view lines = text;
  std::vector<locks::Event> events;
  while (!lines.empty()) events.push_back(wire::decode_event(next_line(lines)));
  return events;
}

Item encode(const std::string& lock, const LockItem& lock_item) {
  Item item = lock_key(lock);
  item["v"] = number(lock_item.version);
  item["w"] = number(lock_item.writes);
  if (lock_item.gone) {
    item["d"] = number(std::uint64_t{1});
    return item;
  }
  const locks::Record& record = lock_item.record;
  item["r"] = bytes(encode_record(record));
  item["e"] = bytes(encode_events(lock_item.events));
  item["c"] = number(std::int64_t{record.head.changed.time_since_epoch().count()});
  const bool held = locks::held(record);
  if (held) item["h"] = number(std::uint64_t{1});
  if (!held && record.waiters.empty()) item["f"] = number(std::uint64_t{1});
  if (record.head.timed != 0) item["t"] = bytes(lock);
  return item;
}

LockItem decode(const Item& item) {
  LockItem read;
  read.version = number_of(item, "v");
  read.writes = number_of(item, "w");
  read.gone = item.contains("d");
  if (read.gone) return read;
  read.record = decode_record(bytes_of(item, "r"));
  read.record.head.version = read.version;
  read.events = decode_events(bytes_of(item, "e"));
  return read;
}

std::size_t size_of(const Item& item) {
  std::size_t size = 100;
  for (const auto& [name, attribute] : item) size += name.size() + attribute.value.size() + 1;
  return size;
}

}  // namespace lockkeeper::stores::dynamodb
