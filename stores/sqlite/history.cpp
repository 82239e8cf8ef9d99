#include "stores/sqlite/history.h"

#include <algorithm>
#include <utility>

#include "wire/record_json.h"

namespace lockkeeper::stores::sqlite {

History::History(Database& database, Heads& heads)
    : heads_(heads),
      insert_(database, "INSERT INTO history(seq, previous, lock, version, at, body) VALUES(?, ?, ?, ?, ?, ?)"),
      link_(database, "SELECT previous, version, lock FROM history WHERE seq = ?"),
      body_(database, "SELECT body FROM history WHERE seq = ?"),
      slice_(database, "SELECT seq, lock, version, at FROM history WHERE seq > ? ORDER BY seq LIMIT ?"),
      pruned_(database, "SELECT version, newest FROM pruned WHERE lock = ?"),
      note_pruned_(database, "REPLACE INTO pruned(lock, version, newest) VALUES(?, ?, ?)"),
      drop_pruned_(database, "DELETE FROM pruned WHERE lock = ? AND newest = ?"),
      delete_(database, "DELETE FROM history WHERE seq = ?"),
      note_last_(database, "REPLACE INTO meta(key, value) VALUES('last_seq', ?)") {
  last_ = std::max(integer(database, "SELECT max(seq) FROM history"),
                   integer(database, "SELECT value FROM meta WHERE key = 'last_seq'"));
}

std::int64_t History::append(const std::string& lock, std::int64_t newest,
                             const std::vector<locks::Event>& events) {
  for (const auto& event : events) {
    wire::encode(event, text_);
    run(insert_, ++last_, newest, lock, event.version, std::int64_t{event.at.time_since_epoch().count()},
        Blob{text_});
    newest = last_;
  }
  return newest;
}

void History::prune(const std::string& lock, locks::Version version, std::int64_t newest) {
  Execution row(link_, newest);
  if (row.next() && row.bytes(2) == lock) run(note_pruned_, lock, version, newest);
}

std::int64_t History::take_up(const std::string& lock) {
  std::int64_t newest = 0;
  {
    Execution row(pruned_, lock);
    if (!row.next()) return 0;
    newest = row.integer(1);
  }
  run(drop_pruned_, lock, newest);
  return newest;
}

std::vector<History::Link> History::chain(const std::string& lock) {
  std::vector<Link> links;
  std::int64_t seq = 0;
  if (const auto head = heads_.current(lock)) {
    seq = head->newest;
  } else {
    Execution pruned(pruned_, lock);
    if (pruned.next()) seq = pruned.integer(1);
  }
  while (seq != 0) {
    Execution row(link_, seq);
    if (!row.next() || row.bytes(2) != lock) break;
    links.push_back({seq, static_cast<locks::Version>(row.integer(1))});
    seq = row.integer(0) < seq ? row.integer(0) : 0;  // it only ever goes back
  }
  return links;
}

engine::HistoryRead History::read(const engine::ReadHistory& question) {
  engine::HistoryRead answer;
  auto links = chain(question.lock);
  if (links.empty()) return answer;
  answer.oldest = links.back().version;
  links.erase(std::find_if(links.begin(), links.end(), [&](Link link) { return link.version <= question.after; }),
              links.end());
  if (!question.newest_first) std::reverse(links.begin(), links.end());
  answer.more = links.size() > question.limit;
  if (answer.more) links.resize(question.limit);

  answer.events.reserve(links.size());
  for (const auto& link : links) {
    Execution row(body_, link.seq);
    try {
      if (!row.next()) throw wire::WireError("an event has gone");
      answer.events.push_back(wire::decode_event(row.bytes(0)));
    } catch (const wire::WireError& error) {
      throw wire::WireError("the history of lock '" + question.lock + "' is damaged: " + error.what());
    }
    answer.events.back().version = link.version;
  }
  return answer;
}

// Whether `per_lock` newer events of the lock are kept.
bool History::too_many(std::string_view lock, locks::Version version, std::uint64_t per_lock) {
  if (const auto head = heads_.current(lock)) return head->version - version >= per_lock;
  Execution pruned(pruned_, lock);
  if (pruned.next()) return static_cast<locks::Version>(pruned.integer(0)) - version >= per_lock;
  return true;
}

engine::Trimmed History::trim(const engine::TrimHistory& question) {
  const auto before = std::int64_t{question.before.time_since_epoch().count()};
  std::vector<std::pair<std::int64_t, std::string>> dropped;
  std::size_t looked_at = 0;
  {
    Execution row(slice_, examined_, std::uint64_t{question.limit});
    for (; row.next(); ++looked_at) {
      examined_ = row.integer(0);
      const auto version = static_cast<locks::Version>(row.integer(2));
      if (row.integer(3) < before || too_many(row.bytes(1), version, question.per_lock)) {
        dropped.emplace_back(examined_, row.bytes(1));
      }
    }
  }
  for (const auto& [seq, lock] : dropped) {
    run(delete_, seq);
    run(drop_pruned_, lock, seq);  // its newest: nothing is left of a pruned lock
  }
  if (!dropped.empty()) run(note_last_, last_);

  const bool more = looked_at == question.limit;
  if (!more) examined_ = 0;  // from the start the next time
  return {.dropped = dropped.size(), .more = more};
}

}  // namespace lockkeeper::stores::sqlite
