#include "server/commands/pieces.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/store_error.h"

namespace lockkeeper::server {
namespace {

std::vector<locks::RowOperation> rows_of(const locks::Record& record) {
  std::vector<locks::RowOperation> rows;
  for (const auto& claim : record.claims) rows.emplace_back(locks::Row(claim));
  for (const auto& waiter : record.waiters) rows.emplace_back(locks::Row(waiter));
  for (const auto& closed : record.closed) rows.emplace_back(locks::Row(closed));
  if (record.gate) rows.emplace_back(locks::Row(*record.gate));
  return rows;
}

std::size_t parts(std::size_t number, std::size_t most) {
  return (number + most - 1) / most;
}

template <class T>
std::vector<T> take_last(std::vector<T>& from, std::size_t most) {
  const auto first = from.end() - static_cast<std::ptrdiff_t>(std::min(most, from.size()));
  std::vector<T> taken(std::make_move_iterator(first), std::make_move_iterator(from.end()));
  from.erase(first, from.end());
  return taken;
}

}  // namespace

std::vector<engine::Commit> pieces(const engine::NamedRecord& lock, std::vector<locks::Event> events) {
  auto rows = rows_of(lock.record);
  const std::size_t number =
      std::max({std::size_t{1}, parts(rows.size(), rows_a_piece), parts(events.size(), events_a_piece)});
  locks::Version version = lock.record.head.version;
  if (version < number) throw engine::StoreError("a lock has more rows than it has had events: it is damaged");
  std::vector<engine::Commit> all(number);
  // From the end, a version less for each: so no piece has an event that is newer than its head.
  for (std::size_t i = number; i-- > 0; --version) {
    locks::Change& change = all[i].change;
    all[i].lock = lock.lock;
    change.creates = i == 0;
    change.expected = i == 0 ? 0 : version - 1;
    change.head = lock.record.head;
    change.head.version = version;
    change.rows = take_last(rows, rows_a_piece);
    change.events = take_last(events, events_a_piece);
  }
  return all;
}

}  // namespace lockkeeper::server
