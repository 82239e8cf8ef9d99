#include "stores/dynamodb/scans.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "stores/dynamodb/layout.h"
#include "stores/dynamodb/lock_item.h"

namespace lockkeeper::stores::dynamodb {
namespace {

constexpr std::size_t page_at_first = 16;
constexpr std::size_t page_at_most = 4096;  // more than fit into a page of DynamoDB's
constexpr int pages_a_part = 32;            // of a round: it looks at up to 1 MB each

// One partition's locks, page by page.
class Stream {
 public:
  Stream(Session& session, Question question, std::size_t page)
      : session_(session), question_(std::move(question)) {
    question_.limit = page;
  }

  // nullptr: no more.
  const Item* first() {
    while (items_.empty() && !through_) {
      Page page = session_.client.ask(session_.shared.table, question_, session_.deadline);
      std::move(page.items.begin(), page.items.end(), std::back_inserter(items_));
      through_ = page.next.empty();
      question_.from = std::move(page.next);
      // Few are wanted at first. Where a filter passes over most of them, small pages would be many.
      question_.limit = std::min(page_at_most, question_.limit * 2);
    }
    return items_.empty() ? nullptr : &items_.front();
  }
  void drop_first() { items_.pop_front(); }

 private:
  Session& session_;
  Question question_;
  std::deque<Item> items_;
  bool through_ = false;
};

Question question_for(const engine::Scan& asked, const std::string& partition) {
  Question question;
  const std::string name = asked.timed_only ? "t" : "s";
  question.condition = {"p = :p", {{":p", bytes(partition)}}};
  if (!asked.prefix.empty()) {
    question.condition.text += " AND begins_with(" + name + ", :prefix)";
    question.condition.values[":prefix"] = bytes(asked.prefix);
  }
  if (asked.timed_only) question.index = timed_index;
  if (asked.held_only) {
    question.filter = {"h = :one", {{":one", number(std::uint64_t{1})}}};
  } else if (!asked.timed_only) {
    question.filter.text = "attribute_not_exists(d)";
  }
  // A page may begin after a key that is not there.
  if (!asked.after.empty() && asked.after.starts_with(asked.prefix)) {
    question.from = key_of(partition, asked.after);
    if (asked.timed_only) question.from["t"] = bytes(asked.after);
  }
  return question;
}

}  // namespace

engine::Scanned scan(Session& session, const engine::Scan& question) {
  engine::Scanned scanned;
  if (question.after > question.prefix && !question.after.starts_with(question.prefix)) return scanned;
  const std::size_t page = std::clamp(2 * question.limit / shards, page_at_first, page_at_most);
  std::vector<Stream> streams;
  for (unsigned i = 0; i < shards; ++i) streams.emplace_back(session, question_for(question, shard(i)), page);
  while (true) {
    Stream* next = nullptr;
    for (Stream& one : streams) {
      if (one.first() && (!next || bytes_of(*one.first(), "s") < bytes_of(*next->first(), "s"))) next = &one;
    }
    if (!next) return scanned;
    if (scanned.locks.size() == question.limit) {
      scanned.more = true;
      return scanned;
    }
    const Item& item = *next->first();
    scanned.locks.push_back({bytes_of(item, "s"), decode(item).record, {}});
    next->drop_first();
  }
}

engine::FreeFound find_free(Session& session, const engine::FindFree& question) {
  Round& round = session.shared.free_ones;
  const std::scoped_lock guard(round.mutex);
  engine::FreeFound found;
  if (!round.within && round.ended.count() != 0 && boot_time() - round.ended < session.shared.pause) return found;
  round.within = true;
  for (int pages = 0; pages < pages_a_part; ++pages) {
    Question query;
    query.condition = {"p = :p", {{":p", bytes(shard(round.shard))}}};
    query.filter = {"f = :one AND c < :before",
                    {{":one", number(std::uint64_t{1})},
                     {":before", number(std::int64_t{question.before.time_since_epoch().count()})}}};
    query.attributes = "p, s";
    query.from = round.from;
    Page page = session.client.ask(session.shared.table, query, session.deadline);
    for (const Item& item : page.items) {
      if (found.locks.size() == question.limit) return found;
      found.locks.push_back(bytes_of(item, "s"));
      round.from = item;
    }
    round.from = std::move(page.next);
    if (!round.from.empty()) continue;
    if (++round.shard < shards) continue;
    round.shard = 0;
    round.within = false;
    round.ended = boot_time();
    break;
  }
  return found;
}

}  // namespace lockkeeper::stores::dynamodb
