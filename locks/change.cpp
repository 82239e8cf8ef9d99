#include "locks/change.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <tuple>

namespace lockkeeper::locks {
namespace {

constexpr std::array<const char*, what_count> kWords = {
    "acquired", "shared",    "taken over",   "queued",   "granted", "renewed", "released", "lapsed",
    "forced",   "withdrawn", "offer lapsed", "imported", "offered", "created", "deleted",  "noted"};

// Whether the row has that id; without making a string of each row's, since a lock may have thousands.
bool has_id(const Claim& claim, const std::string& id) {
  return claim.name.empty() ? id.starts_with('#') && id == "#" + std::to_string(claim.token) : claim.name == id;
}
bool has_id(const Waiter& waiter, const std::string& id) {
  return waiter.name.empty() ? id.starts_with('#') && id == "#" + std::to_string(waiter.place) : waiter.name == id;
}
bool has_id(const ClosedName& closed, const std::string& id) {
  return closed.name == id;
}

template <class Rows>
void take(Rows& rows, const std::string& id) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return has_id(row, id); });
  if (at != rows.end()) rows.erase(at);
}

// Keeps `rows` sorted by `order`, with at most one row of that id.
template <class Rows, class T, class Order>
void put(Rows& rows, const T& row, Order order) {
  take(rows, id(row).id);
  const auto at =
      std::find_if(rows.rbegin(), rows.rend(), [&](const T& other) { return order(other) <= order(row); });
  rows.insert(at.base(), row);
}

}  // namespace

const char* text(What what) {
  return kWords.at(static_cast<std::size_t>(what));
}

bool parse_what(const std::string& text, What& what) {
  const auto at = std::find_if(kWords.begin(), kWords.end(), [&](const char* word) { return text == word; });
  if (at == kWords.end()) return false;
  what = static_cast<What>(std::distance(kWords.begin(), at));
  return true;
}

RowId id(const Claim& claim) {
  return {RowKind::claim, claim.name.empty() ? "#" + std::to_string(claim.token) : claim.name};
}
RowId id(const Waiter& waiter) {
  return {RowKind::waiter, waiter.name.empty() ? "#" + std::to_string(waiter.place) : waiter.name};
}
RowId id(const ClosedName& closed) {
  return {RowKind::closed, closed.name};
}
RowId id(const Gate& /*gate*/) {
  return {RowKind::gate, ""};
}
RowId id(const Row& row) {
  return std::visit([](const auto& held) { return id(held); }, row);
}

void apply(Record& record, const Change& change) {
  record.head = change.head;
  for (const RowOperation& operation : change.rows) {
    if (const RowId* gone = std::get_if<RowId>(&operation)) {
      if (gone->kind == RowKind::claim) take(record.claims, gone->id);
      if (gone->kind == RowKind::waiter) take(record.waiters, gone->id);
      if (gone->kind == RowKind::closed) take(record.closed, gone->id);
      if (gone->kind == RowKind::gate) record.gate.reset();
      continue;
    }
    const Row& row = std::get<Row>(operation);
    if (const Claim* claim = std::get_if<Claim>(&row)) {
      put(record.claims, *claim, [](const Claim& one) { return one.token; });
    } else if (const Waiter* waiter = std::get_if<Waiter>(&row)) {
      put(record.waiters, *waiter, [](const Waiter& one) { return one.place; });
    } else if (const Gate* gate = std::get_if<Gate>(&row)) {
      record.gate = *gate;
    } else {
      put(record.closed, std::get<ClosedName>(row),
          [](const ClosedName& one) { return std::tie(one.up_to, one.name); });
    }
  }
}

void append(Change& first, Change&& next) {
  first.head = std::move(next.head);
  std::move(next.rows.begin(), next.rows.end(), std::back_inserter(first.rows));
  std::move(next.events.begin(), next.events.end(), std::back_inserter(first.events));
  first.held.insert(first.held.end(), next.held.begin(), next.held.end());
  first.waited.insert(first.waited.end(), next.waited.begin(), next.waited.end());
}

}  // namespace lockkeeper::locks
