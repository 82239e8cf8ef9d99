#include "stores/etcd/scanning.h"

#include <algorithm>
#include <utility>

namespace lockkeeper::stores::etcd {
namespace {

constexpr std::size_t kRows = 4000;               // a Range
constexpr std::size_t kBytes = 16 * 1024 * 1024;  // of rows, after which an answer is long enough
constexpr std::size_t kSingly = 60;               // locks a Txn, two operations each
constexpr std::size_t kLooks = 4000;              // at heads, most of which may be free, after which an answer ends
constexpr int kAnew = 5;

// The page's first step was linearizable; what follows is of its revision, which that member has.
Range at(std::int64_t revision, std::string key, std::string end) {
  Range range{std::move(key), std::move(end)};
  range.revision = revision;
  range.serializable = true;
  return range;
}

}  // namespace

Scanning::Scanning(Questions& questions, const engine::Scan& question, Time until, Answered answered)
    : questions_(questions),
      layout_(questions.layout()),
      question_(question),
      until_(until),
      answered_(std::move(answered)),
      wanted_(question.limit + 1) {
  // Few and long pages: etcd counts all that lies behind, each time.
  if (question.held_only && !question.timed_only) wanted_ = std::max(wanted_, kLooks);
  // The prefix itself may be a name; what comes after `after` is not.
  begin_ = question.after < question.prefix ? question.prefix : question.after + '\0';
  if (!question.prefix.empty()) end_ = end_of(question.prefix);
}

void Scanning::begin() {
  next_page();
}

void Scanning::ask(Txn txn, Next next) {
  const auto done = [self = shared_from_this(), next = std::move(next)](Result<TxnReply> result) {
    const auto* failure = std::get_if<Failure>(&result);
    // Compacted between two steps: the page is read anew, at a younger revision.
    if (failure != nullptr && failure->kind == Failure::Kind::compacted && self->anew_++ < kAnew) {
      std::erase_if(self->scanned_.locks, [&](const auto& each) { return each.lock >= self->begin_; });
      return self->next_page();
    }
    going_on(self->answered_, false, next)(std::move(result));
  };
  questions_.client().txn(std::move(txn), until_, done);
}

// From begin_ on.
void Scanning::next_page() {
  beyond_ = false;
  const std::string& all = question_.timed_only ? layout_.all_timed() : layout_.heads();
  Range names{all + begin_, end_.empty() || end_.front() == '\0' ? end_of(all) : all + end_};
  names.limit = static_cast<std::int64_t>(wanted_);
  Txn txn;
  txn.then.emplace_back(std::move(names));
  ask(std::move(txn), [this](TxnReply& reply) {
    Ranged& page = reply.steps.at(0);
    row_of_ = scanned_.locks.size();
    revision_ = reply.revision;
    more_ = page.more;
    if (page.kvs.empty()) return finish(false);
    looked_ += page.kvs.size();
    if (question_.timed_only) {
      take_index(page, reply.revision);
    } else {
      take_heads(page, reply.revision);
    }
  });
}

void Scanning::keep(std::string lock, std::string_view head) {
  locks::Record record;
  record.head = layout_.decode_head(head);
  if (question_.held_only && record.head.key.empty()) return;
  if (question_.timed_only && record.head.timed == 0) return;
  if (scanned_.locks.size() == question_.limit) {
    beyond_ = true;
    return;
  }
  scanned_.locks.push_back({std::move(lock), std::move(record), {}});
}

void Scanning::take_heads(Ranged& page, std::int64_t /*revision*/) {
  for (const auto& each : page.kvs) {
    page_end_ = layout_.head_of(each.key);
    keep(page_end_, each.value);
    if (beyond_) break;
  }
  read_rows({});
}

// Where timed locks are many among all of their span, the span is read at once; else each by itself.
void Scanning::take_index(const Ranged& page, std::int64_t revision) {
  auto names = std::make_shared<std::vector<std::string>>();
  for (const auto& each : page.kvs) names->push_back(layout_.timed_of(each.key));
  page_end_ = names->back();
  Range span = at(revision, layout_.head(names->front()), layout_.head(names->back()) + '\0');
  span.limit = static_cast<std::int64_t>(names->size()) * 4 + 16;
  Range rows = at(revision, layout_.rows(names->front()), end_of(layout_.rows(names->back())));
  rows.limit = kRows;
  Txn txn;
  txn.then.emplace_back(std::move(span));
  txn.then.emplace_back(std::move(rows));
  ask(std::move(txn), [this, names](TxnReply& reply) {
    Ranged& heads = reply.steps.at(0);
    if (heads.more) return read_singly(names, 0);
    for (const auto& each : heads.kvs) {
      std::string lock = layout_.head_of(each.key);
      if (std::binary_search(names->begin(), names->end(), lock)) keep(std::move(lock), each.value);
      if (beyond_) break;
    }
    take_rows(reply.steps.at(1));
  });
}

void Scanning::read_singly(std::shared_ptr<std::vector<std::string>> names, std::size_t from) {
  const std::size_t to = std::min(from + kSingly, names->size());
  Txn txn;
  for (std::size_t i = from; i < to; ++i) {
    const std::string rows = layout_.rows((*names)[i]);
    txn.then.emplace_back(at(revision_, layout_.head((*names)[i]), {}));
    txn.then.emplace_back(at(revision_, rows, end_of(rows)));
  }
  ask(std::move(txn), [this, names, from, to](TxnReply& reply) {
    for (std::size_t i = from; i < to && !beyond_; ++i) {
      const auto& head = reply.steps.at(2 * (i - from)).kvs;
      if (head.empty()) continue;
      const std::size_t before = scanned_.locks.size();
      keep((*names)[i], head.front().value);
      if (scanned_.locks.size() == before) continue;
      for (const auto& row : reply.steps.at(2 * (i - from) + 1).kvs) {
        layout_.add_row(scanned_.locks.back().record, row);
        bytes_ += row.value.size();
      }
      if (bytes_ > kBytes) return finish(true);
    }
    if (to < names->size() && !beyond_) return read_singly(names, to);
    page_done();
  });
}

// Of the locks from row_of_ on, whose names are in order as their rows are; from that key on, "" from the first.
void Scanning::read_rows(std::string from) {
  if (row_of_ == scanned_.locks.size()) return page_done();
  if (from.empty()) from = layout_.rows(scanned_.locks[row_of_].lock);
  Range rows = at(revision_, std::move(from), end_of(layout_.rows(scanned_.locks.back().lock)));
  rows.limit = kRows;
  Txn txn;
  txn.then.emplace_back(std::move(rows));
  ask(std::move(txn), [this](TxnReply& reply) { take_rows(reply.steps.at(0)); });
}

void Scanning::take_rows(Ranged& rows) {
  auto& all = scanned_.locks;
  for (const auto& row : rows.kvs) {
    const auto lock = layout_.row_lock(row.key);
    while (row_of_ < all.size() && all[row_of_].lock < lock) ++row_of_;
    if (row_of_ == all.size()) break;
    if (all[row_of_].lock != lock) continue;  // of one that was not asked for
    layout_.add_row(all[row_of_].record, row);
    bytes_ += row.value.size();
  }
  if (!rows.more) return page_done();
  if (bytes_ > kBytes && row_of_ > 0) {
    // Long enough: without the one whose rows are not all here.
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(row_of_), all.end());
    return finish(true);
  }
  read_rows(rows.kvs.back().key + '\0');
}

void Scanning::page_done() {
  if (beyond_) return finish(true);
  if (!more_) return finish(false);
  // Long enough: the caller goes on behind it, with time of its own.
  if (looked_ >= kLooks || std::chrono::steady_clock::now() > until_ - questions_.timeout() / 2) {
    scanned_.up_to = page_end_;
    return finish(true);
  }
  begin_ = page_end_ + '\0';
  next_page();
}

void Scanning::finish(bool more) {
  scanned_.more = more;
  answered_(std::move(scanned_));
}

void Questions::ask(const engine::Scan& question, Time until, Answered answered) {
  std::make_shared<Scanning>(*this, question, until, std::move(answered))->begin();
}

// A page of heads at a time.
void Questions::ask(const engine::FindFree& question, Time until, Answered answered) {
  constexpr std::int64_t page = 2000;
  Txn txn;
  Range heads{free_from_.empty() ? layout_.heads() : free_from_, end_of(layout_.heads())};
  heads.limit = page;
  txn.then.emplace_back(std::move(heads));
  client_.txn(std::move(txn), until,
              answering(std::move(answered), false, [this, &question](TxnReply& reply) -> Answer {
                engine::FreeFound found;
                const Ranged& slice = reply.steps.at(0);
                free_from_ = slice.more ? slice.kvs.back().key + '\0' : "";
                for (const auto& each : slice.kvs) {
                  const auto head = layout_.decode_head(each.value);
                  if (!head.key.empty() || head.changed >= question.before) continue;
                  if (found.locks.size() == question.limit) {
                    free_from_ = each.key;
                    break;
                  }
                  found.locks.push_back(layout_.head_of(each.key));
                }
                return found;
              }));
}

}  // namespace lockkeeper::stores::etcd
