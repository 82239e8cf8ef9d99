#include "stores/redis/records.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "wire/record_json.h"

namespace lockkeeper::stores::redis {
namespace {

using wire::WireError;

locks::Version number(std::string_view text) {
  locks::Version value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || text.empty() || end != text.data() + text.size()) throw WireError("no version");
  return value;
}

std::string field(const locks::RowId& row) {
  return std::to_string(static_cast<int>(row.kind)) + ":" + row.id;
}

long long milliseconds(locks::WallTime at) {
  return at.time_since_epoch().count();
}

// What is left of operations on one row after the other; nullptr: it is taken away.
std::map<locks::RowId, const locks::Row*> last_words(const std::vector<locks::RowOperation>& rows) {
  std::map<locks::RowId, const locks::Row*> last;
  for (const auto& operation : rows) {
    const auto* put = std::get_if<locks::Row>(&operation);
    last[put != nullptr ? locks::id(*put) : std::get<locks::RowId>(operation)] = put;
  }
  return last;
}

char flags(const locks::Head& head) {
  return static_cast<char>('0' + (head.key.empty() ? 0 : 1) + (head.timed == 0 ? 0 : 2));
}

// What its rows are sorted by.
locks::Version order(const locks::Row& row) {
  if (const auto* claim = std::get_if<locks::Claim>(&row)) return claim->token;
  if (const auto* waiter = std::get_if<locks::Waiter>(&row)) return waiter->place;
  const auto* closed = std::get_if<locks::ClosedName>(&row);
  return closed != nullptr ? closed->up_to : 0;
}

// A hash has no order, and a thousand rows that come in any are moved often.
void insert_in_order(locks::Record& record, std::vector<locks::Row>& rows) {
  std::vector<std::pair<locks::Version, std::size_t>> sorted;
  sorted.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) sorted.emplace_back(order(rows[i]), i);
  std::sort(sorted.begin(), sorted.end());
  for (const auto& [version, i] : sorted) wire::insert(record, std::move(rows[i]));
}

locks::Record decode(const Reply& hash) {
  locks::Record record;
  std::string_view stamp;
  std::vector<locks::Row> rows;
  for (std::size_t i = 0; i + 1 < hash.elements.size(); i += 2) {
    const std::string_view name = hash.elements[i].text;
    const std::string& text = hash.elements[i + 1].text;
    if (name == "v") {
      stamp = text;
    } else if (name == "h") {
      record.head = wire::decode_head(text);
    } else if (name.size() >= 2 && name[0] >= '1' && name[0] <= '4' && name[1] == ':') {
      rows.push_back(wire::decode_row(static_cast<locks::RowKind>(name[0] - '0'), text));
    }
  }
  insert_in_order(record, rows);
  record.head.version = number(stamp.substr(0, stamp.find(':')));
  return record;
}

}  // namespace

std::string lock_key(const std::string& prefix, std::string_view lock) {
  return prefix + ":lock:" + std::string(lock);
}

void add_change(Command& command, const engine::Commit& commit, std::string& scratch) {
  const locks::Change& change = commit.change;
  const auto rows = last_words(change.rows);
  std::size_t put = 0;
  for (const auto& [id, row] : rows) put += row != nullptr ? 1 : 0;
  const std::size_t away = rows.size() - put;
  const char flag = flags(change.head);
  const std::string expected = std::to_string(change.expected);
  command.add(change.creates ? "+" + expected : expected + ":");
  const std::string version = std::to_string(change.head.version) + ":";
  command.add(version + std::to_string(commit.lock.size()) + ":" + commit.lock);
  command.add(version + flag + ":" + std::to_string(milliseconds(change.head.changed)));
  wire::encode(change.head, scratch);
  command.add(scratch).add(std::string_view(&flag, 1));
  command.add(2 * put).add(away).add(change.events.size());
  for (const auto& [id, row] : rows) {
    if (row == nullptr) continue;
    wire::encode(*row, scratch);
    command.add(field(id)).add(scratch);
  }
  for (const auto& [id, row] : rows) {
    if (row == nullptr) command.add(field(id));
  }
  for (const auto& event : change.events) {
    wire::encode(event, scratch);
    command.add(std::to_string(event.version) + " " + std::to_string(milliseconds(event.at)) + " " + scratch);
  }
}

locks::Version version(const Reply& reply) {
  return number(reply.text);
}

std::optional<locks::Record> record(const std::string& lock, const Reply& hash) {
  if (hash.elements.empty()) return std::nullopt;
  try {
    return decode(hash);
  } catch (const WireError& error) {
    throw WireError("the record of lock '" + lock + "' is damaged: " + error.what());
  }
}

engine::HistoryRead history(const std::string& lock, const Reply& reply) {
  engine::HistoryRead answer;
  try {
    if (reply.elements.size() != 3) throw WireError("no history");
    answer.oldest = version(reply.elements[0]);
    answer.more = reply.elements[1].integer != 0;
    for (const Reply& each : reply.elements[2].elements) {
      const std::string_view text = each.text;
      const auto first = text.find(' ');
      const auto second = text.find(' ', first + 1);
      if (second == text.npos) throw WireError("no event");
      answer.events.push_back(wire::decode_event(text.substr(second + 1)));
      answer.events.back().version = number(text.substr(0, first));
    }
  } catch (const WireError& error) {
    throw WireError("the history of lock '" + lock + "' is damaged: " + error.what());
  }
  return answer;
}

}  // namespace lockkeeper::stores::redis
