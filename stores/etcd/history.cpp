// History: one key a change, in the order of versions below each lock's name.
#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "stores/etcd/questions.h"
#include "wire/record_json.h"

namespace lockkeeper::stores::etcd {
namespace {

constexpr std::size_t kLocks = 100;  // a slice: etcd takes 128 operations a Txn

engine::HistoryRead history(const engine::ReadHistory& question, const TxnReply& reply) {
  engine::HistoryRead answer;
  if (reply.steps.size() < 2 || reply.steps[0].kvs.empty()) return answer;
  answer.oldest = decode_events(reply.steps[0].kvs.front().value).front().version;
  for (const auto& change : reply.steps[1].kvs) {
    auto events = decode_events(change.value);
    if (question.newest_first) std::reverse(events.begin(), events.end());
    for (auto& event : events) {
      if (event.version > question.after) answer.events.push_back(std::move(event));
    }
  }
  answer.more = answer.events.size() > question.limit;
  if (answer.more) answer.events.resize(question.limit);
  return answer;
}

// One slice: the changes of a few locks, how new those locks are, then what may go. A change goes when all of its
// events may: it is one key.
class Trimming final : public std::enable_shared_from_this<Trimming> {
 public:
  Trimming(Questions& questions, const engine::TrimHistory& question, std::string& from, Time until,
           Answered answered)
      : questions_(questions),
        layout_(questions.layout()),
        question_(question),
        from_(from),
        until_(until),
        answered_(std::move(answered)) {}

  void begin() {
    Txn txn;
    Range slice{from_.empty() ? layout_.all_events() : from_, end_of(layout_.all_events())};
    slice.limit = static_cast<std::int64_t>(question_.limit);
    txn.then.emplace_back(std::move(slice));
    go_on(std::move(txn), [this](TxnReply& reply) { take(reply.steps.at(0)); });
  }

 private:
  struct Part {
    std::string lock;
    std::size_t first = 0, last = 0;  // of changes_, exclusive
    locks::Version newest = 0;
  };

  void go_on(Txn txn, std::function<void(TxnReply&)> next) {
    questions_.client().txn(
        std::move(txn), until_,
        going_on(answered_, true,
                 [self = shared_from_this(), next = std::move(next)](TxnReply& reply) { next(reply); }));
  }

  void take(Ranged& slice) {
    changes_ = std::move(slice.kvs);
    if (slice.more) next_ = changes_.back().key + '\0';
    Txn heads;
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const auto lock = layout_.events_lock(changes_[i].key);
      if (parts_.empty() || parts_.back().lock != lock) {
        if (parts_.size() == kLocks) {
          next_ = changes_[i].key;
          break;
        }
        parts_.push_back({std::string(lock), i, i});
        heads.then.emplace_back(Range{layout_.head(lock)});
      }
      parts_.back().last = i + 1;
      parts_.back().newest = decode_events(changes_[i].value).back().version;
    }
    if (parts_.empty()) return finish(0);
    go_on(std::move(heads), [this](TxnReply& reply) {
      // A pruned lock has none: then it is as new as what is seen of it.
      for (std::size_t i = 0; i < parts_.size(); ++i) {
        const auto& head = reply.steps.at(i).kvs;
        if (!head.empty()) parts_[i].newest = std::max(parts_[i].newest, version_of(head.front().value));
      }
      drop();
    });
  }

  void drop() {
    Txn txn;
    std::size_t dropped = 0;
    bool full = false;
    for (const Part& part : parts_) {
      std::size_t i = part.first;
      for (; i < part.last && !full; ++i) {
        const auto events = decode_events(changes_[i].value);
        const bool too_many = part.newest - events.back().version >= question_.per_lock;
        if (!too_many && events.back().at >= question_.before) break;
        full = dropped > 0 && dropped + events.size() > question_.limit;
        if (full) break;
        dropped += events.size();
      }
      if (i > part.first) txn.then.emplace_back(Delete{changes_[part.first].key, changes_[i - 1].key + '\0'});
      if (full) {
        next_ = changes_[i].key;
        break;
      }
    }
    if (dropped == 0) return finish(0);
    go_on(std::move(txn), [this, dropped](TxnReply&) { finish(dropped); });
  }

  void finish(std::size_t dropped) {
    from_ = next_;
    answered_(engine::Trimmed{dropped, !next_.empty()});
  }

  Questions& questions_;
  const Layout& layout_;
  const engine::TrimHistory& question_;
  std::string& from_;
  const Time until_;  // for all steps together
  const Answered answered_;
  std::vector<KeyValue> changes_;
  std::vector<Part> parts_;
  std::string next_;  // where the next slice begins; "": this is the last one
};

}  // namespace

void Questions::ask(const engine::ReadHistory& question, Time until, Answered answered) {
  Txn txn;
  const std::string all = layout_.events(question.lock);
  Range oldest{all, end_of(all)};
  oldest.limit = 1;
  // A change's key says its last version: those above `after` are in it and in those behind it.
  Range wanted{layout_.events(question.lock, question.after + 1), end_of(all)};
  wanted.limit = static_cast<std::int64_t>(question.limit) + 1;
  wanted.descending = question.newest_first;
  txn.then.emplace_back(std::move(oldest));
  txn.then.emplace_back(std::move(wanted));
  client_.txn(std::move(txn), until, answering(std::move(answered), false, [&question](TxnReply& reply) -> Answer {
                return history(question, reply);
              }));
}

void Questions::ask(const engine::TrimHistory& question, Time until, Answered answered) {
  std::make_shared<Trimming>(*this, question, trim_from_, until, std::move(answered))->begin();
}

}  // namespace lockkeeper::stores::etcd
