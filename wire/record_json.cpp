#include "wire/record_json.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

#include "wire/json_in.h"
#include "wire/json_out.h"

// Members that are empty or 0 are left out; each text has at least one that never is, so that an empty object is
// damage and not an empty record.
//
//   head    c changed, f forgotten, k key, t [{h holder, n count, o oldest, w newest, s since}], d timed, a
//   mean_hold claim   n name, h holder, t token, s since, r request, b begun, m [[key, value]], y by, l ttl, x
//   max_hold,
//           w renewed, g granted (both: unless they are the token), o offered
//   waiter  n name, k key, h holder, p place, s since, r request, b begun, m, y by, d door, l ttl, x max_hold,
//           e grace, w renewed (unless it is the place)
//   closed  n name, u up_to, s at, e end (its number in locks::End; 0, released, is left out)
//   gate    w workflow, n namespace, u released (left out while it is locked), s created, c changed, o note
//   event   v version, s at, c change, e what, h holder, n claim, t token, x count, y by, d door, r reason
namespace lockkeeper::wire {

namespace {

using locks::Claim;
using locks::ClosedName;
using locks::Event;
using locks::Gate;
using locks::Head;
using locks::Metadata;
using locks::Tally;
using locks::Version;
using locks::Waiter;
using locks::WallTime;
using std::chrono::milliseconds;

void put(JsonOut& out, const char* name, const std::string& text) {
  if (!text.empty()) out.name(name).text(text);
}

void put(JsonOut& out, const char* name, std::uint64_t number) {
  if (number != 0) out.name(name).number(number);
}

void put(JsonOut& out, const char* name, WallTime time) {
  out.name(name).number(static_cast<std::int64_t>(time.time_since_epoch().count()));
}

void put(JsonOut& out, const char* name, const Metadata& metadata) {
  if (metadata.empty()) return;
  out.name(name).open('[');
  for (const auto& [key, value] : metadata) out.open('[').text(key).text(value).close(']');
  out.close(']');
}

void put(JsonOut& out, const char* name, const std::optional<milliseconds>& duration) {
  if (duration) out.name(name).number(static_cast<std::int64_t>(duration->count()));
}

void put(JsonOut& out, const char* name, milliseconds duration) {
  if (duration.count() != 0) out.name(name).number(static_cast<std::int64_t>(duration.count()));
}

// Left out where it is what it is at first.
void put_unless(JsonOut& out, const char* name, Version version, Version usual) {
  if (version != usual) out.name(name).number(version);
}

Metadata read_metadata(const JsonValue& row, const char* name) {
  Metadata metadata;
  const JsonValue* pairs = find(row, name);
  if (pairs == nullptr) return metadata;
  for (const JsonValue& pair : array(*pairs, name).GetArray()) {
    if (array(pair, name).Size() != 2) wrong("metadata is not in pairs");
    metadata.emplace_back(text_of(pair[0], "metadata key"), text_of(pair[1], "metadata value"));
  }
  return metadata;
}

std::optional<milliseconds> read_duration(const JsonValue& row, const char* name) {
  if (find(row, name) == nullptr) return std::nullopt;
  const milliseconds duration = need_milliseconds(row, name).time_since_epoch();
  if (duration.count() < 0) wrong(std::string(name) + " is a negative duration");
  return duration;
}

milliseconds duration_or_none(const JsonValue& row, const char* name) {
  return read_duration(row, name).value_or(milliseconds(0));
}

void write(JsonOut& out, const Claim& claim) {
  put(out, "n", claim.name);
  put(out, "h", claim.holder);
  put(out, "t", claim.token);
  put(out, "s", claim.since);
  put(out, "r", claim.request);
  put(out, "b", claim.begun);
  put(out, "m", claim.metadata);
  put(out, "y", claim.by);
  put(out, "l", claim.ttl);
  put(out, "x", claim.max_hold);
  put_unless(out, "w", claim.renewed, claim.token);
  put_unless(out, "g", claim.granted, claim.token);
  put(out, "o", claim.offered);
}

void write(JsonOut& out, const Waiter& waiter) {
  put(out, "n", waiter.name);
  put(out, "k", waiter.key);
  put(out, "h", waiter.holder);
  put(out, "p", waiter.place);
  put(out, "s", waiter.since);
  put(out, "r", waiter.request);
  put(out, "b", waiter.begun);
  put(out, "m", waiter.metadata);
  put(out, "y", waiter.by);
  put(out, "d", waiter.door);
  put(out, "l", waiter.ttl);
  put(out, "x", waiter.max_hold);
  put(out, "e", waiter.grace);
  put_unless(out, "w", waiter.renewed, waiter.place);
}

void write(JsonOut& out, const ClosedName& closed) {
  put(out, "n", closed.name);
  put(out, "u", closed.up_to);
  put(out, "s", closed.at);
  put(out, "e", static_cast<std::uint64_t>(closed.end));
}

void write(JsonOut& out, const Gate& gate) {
  put(out, "w", gate.workflow);
  put(out, "n", gate.workflow_namespace);
  put(out, "u", static_cast<std::uint64_t>(gate.status));
  put(out, "s", gate.created);
  put(out, "c", gate.changed);
  put(out, "o", gate.note);
}

Claim read_claim(const JsonValue& row) {
  Claim claim;
  claim.name = text_or_empty(row, "n");
  claim.holder = need_text(row, "h");
  claim.token = need_number(row, "t");
  claim.since = need_milliseconds(row, "s");
  claim.request = text_or_empty(row, "r");
  claim.begun = number_or(row, "b", 0);
  claim.metadata = read_metadata(row, "m");
  claim.by = text_or_empty(row, "y");
  claim.ttl = read_duration(row, "l");
  claim.max_hold = read_duration(row, "x");
  claim.renewed = number_or(row, "w", claim.token);
  claim.granted = number_or(row, "g", claim.token);
  claim.offered = read_duration(row, "o");
  return claim;
}

Waiter read_waiter(const JsonValue& row) {
  Waiter waiter;
  waiter.name = text_or_empty(row, "n");
  waiter.key = need_text(row, "k");
  waiter.holder = need_text(row, "h");
  waiter.place = need_number(row, "p");
  waiter.since = need_milliseconds(row, "s");
  waiter.request = text_or_empty(row, "r");
  waiter.begun = number_or(row, "b", 0);
  waiter.metadata = read_metadata(row, "m");
  waiter.by = text_or_empty(row, "y");
  waiter.door = text_or_empty(row, "d");
  waiter.ttl = read_duration(row, "l");
  waiter.max_hold = read_duration(row, "x");
  waiter.grace = duration_or_none(row, "e");
  waiter.renewed = number_or(row, "w", waiter.place);
  return waiter;
}

ClosedName read_closed(const JsonValue& row) {
  const std::uint64_t end = number_or(row, "e", 0);
  if (end > static_cast<std::uint64_t>(locks::End::forced)) wrong("a name that was closed in an unknown way");
  return {need_text(row, "n"), number_or(row, "u", 0), need_milliseconds(row, "s"), static_cast<locks::End>(end)};
}

Gate read_gate(const JsonValue& row) {
  const std::uint64_t status = number_or(row, "u", 0);
  if (status > static_cast<std::uint64_t>(Gate::Status::released)) wrong("a gate in an unknown state");
  return {need_text(row, "w"),         need_text(row, "n"),         static_cast<Gate::Status>(status),
          need_milliseconds(row, "s"), need_milliseconds(row, "c"), text_or_empty(row, "o")};
}

Tally read_tally(const JsonValue& value) {
  const JsonValue& row = object(value, "tally");
  Tally tally;
  tally.holder = need_text(row, "h");
  tally.count = need_number(row, "n");
  tally.oldest = need_number(row, "o");
  tally.newest = need_number(row, "w");
  tally.since = need_milliseconds(row, "s");
  return tally;
}

// `order` gives what rows are sorted by; a row of that order is there once.
template <class Rows, class Order>
void insert_sorted(Rows& rows, typename Rows::value_type&& row, Order order) {
  const auto at = std::upper_bound(rows.begin(), rows.end(), row,
                                   [&](const auto& one, const auto& other) { return order(one) < order(other); });
  rows.insert(at, std::move(row));
}

}  // namespace

void encode(const Head& head, std::string& out) {
  out.clear();
  JsonOut json(out, Escapes::minimal);
  json.open('{');
  put(json, "c", head.changed);
  put(json, "f", head.forgotten);
  put(json, "k", head.key);
  if (!head.tallies.empty()) {
    json.name("t").open('[');
    for (const Tally& tally : head.tallies) {
      json.open('{').name("h").text(tally.holder).name("n").number(tally.count);
      json.name("o").number(tally.oldest).name("w").number(tally.newest);
      put(json, "s", tally.since);
      json.close('}');
    }
    json.close(']');
  }
  put(json, "d", head.timed);
  put(json, "a", head.mean_hold);
  json.close('}');
}

Head decode_head(std::string_view text) {
  const JsonTree tree(text);
  Head head;
  head.changed = need_milliseconds(tree.top(), "c");
  head.forgotten = number_or(tree.top(), "f", 0);
  head.key = text_or_empty(tree.top(), "k");
  if (const JsonValue* tallies = find(tree.top(), "t")) {
    for (const JsonValue& tally : array(*tallies, "tallies").GetArray()) head.tallies.push_back(read_tally(tally));
  }
  head.timed = number_or(tree.top(), "d", 0);
  head.mean_hold = duration_or_none(tree.top(), "a");
  return head;
}

void encode(const locks::Row& row, std::string& out) {
  out.clear();
  JsonOut json(out, Escapes::minimal);
  json.open('{');
  std::visit([&](const auto& one) { write(json, one); }, row);
  json.close('}');
}

locks::Row decode_row(locks::RowKind kind, std::string_view text) {
  const JsonTree tree(text);
  switch (kind) {
    case locks::RowKind::claim:
      return read_claim(tree.top());
    case locks::RowKind::waiter:
      return read_waiter(tree.top());
    case locks::RowKind::closed:
      return read_closed(tree.top());
    case locks::RowKind::gate:
      return read_gate(tree.top());
  }
  wrong("a row of kind " + std::to_string(static_cast<int>(kind)));
}

void encode(const Event& event, std::string& out) {
  out.clear();
  JsonOut json(out, Escapes::minimal);
  json.open('{');
  put(json, "v", event.version);
  put(json, "s", event.at);
  put(json, "c", event.change);
  json.name("e").text(locks::text(event.what));
  put(json, "h", event.holder);
  put(json, "n", event.claim);
  put(json, "t", event.token);
  if (event.count != 1) json.name("x").number(event.count);
  put(json, "y", event.by);
  put(json, "d", event.door);
  put(json, "r", event.reason);
  json.close('}');
}

Event decode_event(std::string_view text) {
  const JsonTree tree(text);
  const JsonValue& row = tree.top();
  Event event;
  event.version = number_or(row, "v", 0);
  event.at = need_milliseconds(row, "s");
  event.change = text_or_empty(row, "c");
  if (!locks::parse_what(need_text(row, "e"), event.what)) wrong("an event of an unknown kind");
  event.holder = text_or_empty(row, "h");
  event.claim = text_or_empty(row, "n");
  event.token = number_or(row, "t", 0);
  event.count = number_or(row, "x", 1);
  event.by = text_or_empty(row, "y");
  event.door = text_or_empty(row, "d");
  event.reason = text_or_empty(row, "r");
  return event;
}

void insert(locks::Record& record, locks::Row row) {
  if (auto* claim = std::get_if<Claim>(&row)) {
    insert_sorted(record.claims, std::move(*claim), [](const Claim& one) { return one.token; });
  } else if (auto* waiter = std::get_if<Waiter>(&row)) {
    insert_sorted(record.waiters, std::move(*waiter), [](const Waiter& one) { return one.place; });
  } else if (auto* gate = std::get_if<Gate>(&row)) {
    record.gate = std::move(*gate);
  } else {
    // Names closed by one event share its version.
    insert_sorted(record.closed, std::move(std::get<ClosedName>(row)),
                  [](const ClosedName& one) { return std::tie(one.up_to, one.name); });
  }
}

}  // namespace lockkeeper::wire
