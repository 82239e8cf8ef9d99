#include "stores/etcd/gathering.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

namespace lockkeeper::stores::etcd {
namespace {

constexpr std::size_t kOperations = 128;  // a Txn; what encloses others takes one for each of them off theirs
constexpr std::size_t kParts = 48;
constexpr std::size_t kBytes = 512 * 1024;  // of 1.5 MiB, which etcd takes

std::size_t bytes(const Txn& txn) {
  std::size_t sum = 0;
  for (const Step& step : txn.then) {
    const auto* put = std::get_if<Put>(&step);
    sum += put != nullptr ? put->key.size() + put->value.size() : 100;
  }
  return sum;
}

Time earliest(const auto& parts) {
  return std::min_element(parts.begin(), parts.end(),
                          [](const auto& a, const auto& b) { return a.until < b.until; })
      ->until;
}

}  // namespace

void Gathering::change(std::function<Txn()> make, Time until, Done done) {
  Txn txn = make();
  changes_.push_back({std::move(make), std::move(txn), until, std::move(done)});
}

void Gathering::read(Txn txn, Time until, Done done) {
  reads_.push_back({{}, std::move(txn), until, std::move(done)});
}

void Gathering::send() {
  if (!client_.ready()) return refuse();
  while (under_way_ < at_a_time_ && !(changes_.empty() && reads_.empty())) {
    for (auto* line : {&changes_, &reads_}) give_up_late(*line);
    if (!reads_.empty()) send_reads();
    if (!changes_.empty()) send_changes();
  }
}

void Gathering::refuse() {
  for (auto* line : {&changes_, &reads_}) {
    for (const Part& part : std::exchange(*line, {})) {
      part.done(Failure{Failure::Kind::refused, client_.last_failure().why});
    }
  }
}

// What has waited in line for most of its time is refused while that is certain, and does not take the time of
// those behind it, with which it would go. A line is in the order of `until`, but for a few that follow on another
// step.
void Gathering::give_up_late(std::deque<Part>& line) {
  const auto least = std::chrono::steady_clock::now() + timeout_ / 4;
  while (!line.empty() && line.front().until < least) {
    const Part late = std::move(line.front());
    line.pop_front();
    late.done(Failure{Failure::Kind::refused, "etcd is too slow for what is asked of it"});
  }
}

void Gathering::send_changes() {
  auto parts = std::make_shared<Parts>();
  std::size_t size = 0;
  while (!changes_.empty() && parts->size() < kParts) {
    Part& next = changes_.front();
    const bool large = next.txn.then.size() > kOperations - kParts - 1;
    const std::size_t more = bytes(next.txn);
    if (!parts->empty() && (large || size + more > kBytes)) break;
    size += more;
    parts->push_back(std::move(next));
    changes_.pop_front();
    if (large) break;
  }
  ++under_way_;
  if (parts->size() == 1) {
    client_.txn(std::move(parts->front().txn), parts->front().until, [this, parts](Result<TxnReply> result) {
      --under_way_;
      parts->front().done(std::move(result));
    });
    return;
  }
  Txn all;
  for (Part& each : *parts) all.then.emplace_back(std::make_unique<Txn>(std::move(each.txn)));
  all.then.emplace_back(Put{counted_, {}});
  client_.txn(std::move(all), earliest(*parts), [this, parts](Result<TxnReply> result) {
    --under_way_;
    sent(*parts, std::move(result));
  });
}

void Gathering::sent(const Parts& parts, Result<TxnReply> result) {
  if (const auto* failure = std::get_if<Failure>(&result)) {
    for (const Part& each : parts) {
      if (failure->kind == Failure::Kind::refused && client_.ready()) {
        client_.txn(each.make(), each.until, each.done);
      } else {
        each.done(*failure);
      }
    }
    return;
  }
  auto& reply = std::get<TxnReply>(result);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i >= reply.nested.size()) {
      parts[i].done(Failure{Failure::Kind::unknown, "etcd's answer has a part too few"});
      continue;
    }
    reply.nested[i].revision = reply.revision;
    parts[i].done(std::move(reply.nested[i]));
  }
}

// etcd takes a Txn of nothing but Ranges for a read, and one with others in it for a write: so theirs are put
// together.
void Gathering::send_reads() {
  auto parts = std::make_shared<Parts>();
  auto counts = std::make_shared<std::vector<std::size_t>>();
  Txn all;
  while (!reads_.empty() && all.then.size() + reads_.front().txn.then.size() <= kOperations) {
    Part& next = reads_.front();
    counts->push_back(next.txn.then.size());
    for (Step& step : next.txn.then) all.then.push_back(std::move(step));
    parts->push_back(std::move(next));
    reads_.pop_front();
  }
  ++under_way_;
  client_.txn(std::move(all), earliest(*parts), [this, parts, counts](Result<TxnReply> result) {
    --under_way_;
    const auto* failure = std::get_if<Failure>(&result);
    auto* reply = std::get_if<TxnReply>(&result);
    std::size_t first = 0;
    for (std::size_t i = 0; i < parts->size(); ++i) {
      const std::size_t count = (*counts)[i];
      if (failure != nullptr) {
        (*parts)[i].done(*failure);
      } else if (first + count > reply->steps.size()) {
        (*parts)[i].done(Failure{Failure::Kind::unknown, "etcd's answer has a part too few"});
      } else {
        TxnReply own{reply->succeeded, reply->revision, {}, {}};
        const auto begin = reply->steps.begin() + static_cast<std::ptrdiff_t>(first);
        own.steps.assign(std::make_move_iterator(begin),
                         std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count)));
        (*parts)[i].done(std::move(own));
      }
      first += count;
    }
  });
}

}  // namespace lockkeeper::stores::etcd
