// Why no token is given twice. Versions of a lock that is there only grow: each write is conditional on the version
// before it. A lock is forgotten in three steps: the floor rises to its version; its item is replaced by a
// tombstone that keeps the version, under the condition that it is still the one that was free; and an hour later
// at the earliest, by the clock of a server that has seen it for so long, the tombstone goes. A creation reads the
// floor and puts the new item where nothing is, or a tombstone whose version is no higher than what was read. So
//   - a creation that read the floor after it rose starts above all versions of the forgotten lock;
//   - one that read it before, and comes late, meets the tombstone, whose version is above what it read;
//   - one that comes later than the tombstone was kept does not exist: 10 s after its reading began it reads again,
//     by a clock that goes on while the machine sleeps, and what was sent until then carries a signature of that
//     time, which DynamoDB refuses after 15 minutes.
// A write that was given up, and is carried out late, meets the version or the number of writes that came after it.
#include "stores/dynamodb/records.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "stores/dynamodb/history.h"
#include "stores/dynamodb/layout.h"

namespace lockkeeper::stores::dynamodb {
namespace {

using Kind = DynamoError::Kind;

constexpr std::chrono::seconds floor_is_fresh(10);
constexpr std::size_t events_at_most = 96;  // in an item; then what is older is moved before the change, not after
constexpr std::size_t events_are_many = 32;
constexpr std::size_t events_left = 8;
constexpr int tries_at_most = 4;  // only trimming and moving get between a version and its next

// nullptr: absent. A tombstone is none either.
std::shared_ptr<const LockItem> look(Session& session, const std::string& lock) {
  const auto item = session.client.get(session.shared.table, lock_key(lock), session.deadline);
  if (!item) {
    session.shared.known.forget(lock);
    return nullptr;
  }
  auto found = std::make_shared<LockItem>(decode(*item));
  if (found->gone) {
    session.shared.known.forget(lock);
    return nullptr;
  }
  session.shared.known.remember(lock, found, size_of(*item));
  return found;
}

// False: the condition did not hold.
bool put(Session& session, const Item& item, const Expression& condition,
         std::optional<std::time_t> dated = std::nullopt) {
  session.wrote = true;
  try {
    session.client.put(session.shared.table, item, condition, session.deadline, dated);
    return true;
  } catch (const DynamoError& error) {
    if (error.kind != Kind::condition) throw;
    session.wrote = false;
    return false;
  }
}

Expression unchanged(const LockItem& item) {
  return {"v = :v AND w = :w", {{":v", number(item.version)}, {":w", number(item.writes)}}};
}

void take(LockItem& item, const locks::Change& change) {
  locks::apply(item.record, change);
  item.version = change.head.version;
  ++item.writes;
  item.events.insert(item.events.end(), change.events.begin(), change.events.end());
}

engine::Failed too_large(std::size_t bytes) {
  return {engine::Failed::Kind::no_room, "the lock's record would take " + std::to_string(bytes / 1024) +
                                             " KB, and DynamoDB takes 400 KB an item (" +
                                             std::to_string(item_bytes / 1024) +
                                             " KB are used): fewer or smaller claims, waiters or metadata fit"};
}

void put_into_history(Session& session, const std::string& lock, const LockItem& item) {
  move_to_history(session.client, session.shared.table, lock, item.events, session.deadline);
}

engine::Conflict conflict(Session& session, const std::string& lock) {
  const auto now = session.shared.floor.now();
  if (const auto there = look(session, lock)) return {there->record, 0};
  return {std::nullopt, session.floor(now).floor};
}

Answer create(Session& session, const engine::Commit& question) {
  const locks::Change& change = question.change;
  FloorRead floor = session.floor();
  if (floor.floor != change.expected) return conflict(session, question.lock);
  LockItem next{.record = locks::absent(floor.floor)};
  take(next, change);
  const Item item = encode(question.lock, next);
  const std::size_t bytes = size_of(item);
  if (bytes > item_bytes) return too_large(bytes);
  // Before the look at the clock: what goes out after a sleep that comes between has a signature of before it.
  std::time_t dated = std::time(nullptr);
  while (session.shared.floor.now() - floor.at > floor_is_fresh) {
    dated = std::time(nullptr);
    floor = session.floor(session.shared.floor.now());
    if (floor.floor != change.expected) return conflict(session, question.lock);
  }
  if (!put(session, item,
           {"attribute_not_exists(p) OR (d = :one AND v <= :e)",
            {{":one", number(std::uint64_t{1})}, {":e", number(change.expected)}}},
           dated)) {
    return conflict(session, question.lock);
  }
  session.shared.known.forget(question.lock);  // what was known under a version of before
  session.shared.known.remember(question.lock, std::make_shared<LockItem>(std::move(next)), bytes);
  return engine::Committed{};
}

// nullopt: somebody else wrote the item without a new version.
std::optional<Answer> change_from(Session& session, const engine::Commit& question, const LockItem& before) {
  LockItem next = before;
  const auto moved = session.shared.known.moved(question.lock);
  std::erase_if(next.events, [&](const locks::Event& event) { return event.version <= moved; });
  if (next.events.size() + question.change.events.size() > events_at_most) {
    put_into_history(session, question.lock, next);
    next.events.clear();
  }
  take(next, question.change);
  Item item = encode(question.lock, next);
  if (size_of(item) > item_bytes && next.events.size() > question.change.events.size()) {
    put_into_history(session, question.lock, before);
    next.events = question.change.events;
    item = encode(question.lock, next);
  }
  const std::size_t bytes = size_of(item);
  if (bytes > item_bytes) return too_large(bytes);
  if (!put(session, item, unchanged(before))) return std::nullopt;
  session.shared.known.remember(question.lock, std::make_shared<LockItem>(std::move(next)), bytes);
  return engine::Committed{};
}

}  // namespace

engine::Found read(Session& session, const engine::Read& question) {
  if (const auto found = look(session, question.lock)) return {found->record, 0};
  return {std::nullopt, session.floor().floor};
}

Answer commit(Session& session, const engine::Commit& question) {
  if (question.change.creates) return create(session, question);
  auto before = session.shared.known.find(question.lock);
  if (!before || before->version != question.change.expected) before = look(session, question.lock);
  for (int tries = 0; tries < tries_at_most; ++tries) {
    if (!before) return engine::Conflict{std::nullopt, session.floor(session.shared.floor.now()).floor};
    if (before->version != question.change.expected) return engine::Conflict{before->record, 0};
    if (auto answer = change_from(session, question, *before)) return std::move(*answer);
    session.shared.known.forget(question.lock);
    before = look(session, question.lock);
  }
  return engine::Failed{engine::Failed::Kind::unavailable, "the lock's history is being trimmed all the time"};
}

engine::Pruned prune(Session& session, const engine::Prune& question) {
  const auto there = look(session, question.lock);
  if (!there || there->version != question.expected || locks::held(there->record) ||
      !there->record.waiters.empty()) {
    return {false};
  }
  put_into_history(session, question.lock, *there);
  Floor::raise(question.expected, session.client, session.shared.table, session.deadline);
  const LockItem tombstone{.version = there->version, .writes = there->writes + 1, .gone = true};
  if (!put(session, encode(question.lock, tombstone), unchanged(*there))) return {false};
  session.shared.known.forget(question.lock);
  return {true};
}

std::vector<locks::Event> overhang(Session& session, const std::string& lock) {
  const auto item = session.shared.known.find(lock);
  if (!item || item->events.size() <= events_are_many) return {};
  const auto moved = session.shared.known.moved(lock);
  std::vector<locks::Event> old(item->events.begin(), item->events.end() - events_left);
  std::erase_if(old, [&](const locks::Event& event) { return event.version <= moved; });
  return old;
}

}  // namespace lockkeeper::stores::dynamodb
