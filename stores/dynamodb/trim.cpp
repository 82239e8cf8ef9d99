// Forgetting, in slices of a round over the table: old events, where they lie as items and where they are still in
// their lock's, and tombstones.
#include <optional>

#include "stores/dynamodb/history.h"
#include "stores/dynamodb/layout.h"
#include "stores/dynamodb/lock_item.h"
#include "wire/record_json.h"

namespace lockkeeper::stores::dynamodb {
namespace {

using Kind = DynamoError::Kind;

constexpr std::size_t tombstones_in_mind = 100'000;

Item key_in(const Item& item) {
  return key_of(bytes_of(item, "p"), bytes_of(item, "s"));
}

class Slice {
 public:
  Slice(Session& session, const engine::TrimHistory& question) : session_(session), question_(question) {}

  // False: there is more to do here than this slice may.
  bool take(const Item& item) {
    const std::string& partition = bytes_of(item, "p");
    if (partition.starts_with(history_prefix)) return take_event(item, partition.substr(history_prefix.size()));
    if (!partition.starts_with(locks_prefix)) return true;
    if (item.contains("d")) return take_tombstone(item);
    return take_lock(item);
  }

  std::size_t finish() {
    session_.client.remove_all(session_.shared.table, old_, session_.deadline);
    return dropped_;
  }

 private:
  bool old(locks::Version version, locks::WallTime at, locks::Version newest) const {
    return at < question_.before || (newest >= version && newest - version >= question_.per_lock);
  }

  bool take_event(const Item& item, const std::string& lock) {
    const auto version = version_of_sort(bytes_of(item, "s"));
    const locks::WallTime at{locks::WallTime::duration(signed_of(item, "a"))};
    if (!old(version, at, newest(lock))) return true;
    if (dropped_ == question_.limit) return false;
    old_.push_back(key_in(item));
    ++dropped_;
    return true;
  }

  bool take_lock(const Item& item) {
    auto events = decode_events(bytes_of(item, "e"));
    const std::size_t before = events.size();
    const auto newest = number_of(item, "v");
    std::size_t room = question_.limit - dropped_;
    bool all = true;
    std::erase_if(events, [&](const locks::Event& event) {
      if (!old(event.version, event.at, newest)) return false;
      if (room == 0) return all = false;
      --room;
      return true;
    });
    if (events.size() < before) drop(item, events, before - events.size());
    return all;
  }

  // A lock that has changed meanwhile is for the next round.
  void drop(const Item& item, const std::vector<locks::Event>& left, std::size_t number_dropped) {
    const std::uint64_t writes = number_of(item, "w");
    session_.shared.known.forget(bytes_of(item, "s"));
    try {
      session_.client.update(session_.shared.table, key_in(item),
                             {"SET e = :e, w = :n",
                              {{":e", bytes(encode_events(left))},
                               {":n", number(writes + 1)},
                               {":w", number(writes)},
                               {":v", item.at("v")}}},
                             "v = :v AND w = :w AND attribute_not_exists(d)", session_.deadline);
      dropped_ += number_dropped;
    } catch (const DynamoError& error) {
      if (error.kind != Kind::condition) throw;
    }
  }

  bool take_tombstone(const Item& item) {
    const std::string& lock = bytes_of(item, "s");
    auto& seen = session_.shared.tombstones;
    if (seen.size() >= tombstones_in_mind) seen.clear();
    const auto now = boot_time();
    const auto version = number_of(item, "v");
    auto& [of, since] = seen.try_emplace(lock, version, now).first->second;
    if (of != version) of = version, since = now;
    if (now - since < session_.shared.tombstones_are_kept) return true;
    seen.erase(lock);
    try {
      session_.client.remove(session_.shared.table, key_in(item),
                             {"attribute_exists(d) AND v = :v", {{":v", item.at("v")}}}, session_.deadline);
    } catch (const DynamoError& error) {
      if (error.kind != Kind::condition) throw;
    }
    return true;
  }

  // The lock's newest version; of a forgotten one, its newest event's.
  locks::Version newest(const std::string& lock) {
    if (lock == lock_ && known_) return newest_;
    lock_ = lock;
    known_ = true;
    if (const auto item = session_.client.get(session_.shared.table, lock_key(lock), session_.deadline)) {
      return newest_ = number_of(*item, "v");
    }
    const auto last = read_history(session_, {.lock = lock, .limit = 1, .newest_first = true});
    return newest_ = last.events.empty() ? 0 : last.events.front().version;
  }

  Session& session_;
  const engine::TrimHistory& question_;
  std::vector<Item> old_;
  std::size_t dropped_ = 0;
  std::string lock_;  // whose newest version is known
  bool known_ = false;
  locks::Version newest_ = 0;
};

}  // namespace

engine::Trimmed trim_history(Session& session, const engine::TrimHistory& question) {
  Round& round = session.shared.trimming;
  const std::scoped_lock guard(round.mutex);
  if (!round.within && round.ended.count() != 0 && boot_time() - round.ended < session.shared.pause) return {};
  Question scan;
  scan.attributes = "p, s, v, w, d, e, a";
  scan.from = round.from;
  scan.limit = question.limit;
  const Page page = session.client.ask(session.shared.table, scan, session.deadline);
  Slice slice(session, question);
  Item through = round.from;
  bool all = true;
  for (const Item& item : page.items) {
    all = slice.take(item);
    if (!all) break;
    through = key_in(item);
  }
  const engine::Trimmed answer{slice.finish(), !all || !page.next.empty()};
  round.within = answer.more;
  round.from = !answer.more ? Item{} : all ? page.next : through;
  if (!answer.more) round.ended = boot_time();
  return answer;
}

}  // namespace lockkeeper::stores::dynamodb
