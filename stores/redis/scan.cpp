#include "stores/redis/scan.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "stores/redis/faults.h"
#include "stores/redis/records.h"
#include "wire/record_json.h"

namespace lockkeeper::stores::redis {
namespace {

constexpr std::size_t kAtOnce = 32;         // records asked for together: a queue may be long
constexpr std::size_t kMostNames = 10'000;  // a slice
constexpr std::size_t kMostRows = 4000;     // likewise: to read more takes a part of the time-out that is felt

}  // namespace

std::string lex_end(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (prefix.empty()) return "+";
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return "(" + prefix;
}

ScanTask::ScanTask(Connection& connection, const std::string& prefix, engine::Operation& operation,
                   Connection::Clock::time_point deadline, Done done)
    : connection_(connection),
      prefix_(prefix),
      operation_(operation),
      deadline_(deadline),
      done_(std::move(done)),
      after_(question().after) {}

void ScanTask::begin() {
  ask_names();
}

void ScanTask::ask_names() {
  const char* index = question().timed_only ? ":timed" : question().held_only ? ":held" : ":names";
  const std::string& prefix = question().prefix;
  const std::string from = after_ < prefix || after_.empty() ? "[" + prefix : "(" + after_;
  const std::size_t number = std::min(question().limit - answer_.locks.size(), kMostNames) + 1;
  connection_.send({"ZRANGEBYLEX", prefix_ + index, from, lex_end(prefix), "LIMIT", "0", std::to_string(number)},
                   deadline_, [self = shared_from_this(), number](Reply& reply) {
                     if (reply.kind != Reply::Kind::array) return self->fail(failed(reply, false));
                     self->more_names_ = reply.elements.size() == number;
                     self->take_names(reply);
                   });
}

void ScanTask::take_names(const Reply& reply) {
  for (const Reply& each : reply.elements) names_.push_back(each.text);
  if (more_names_) names_.pop_back();  // only tells that there is one
  go_on();
  connection_.flush();
}

void ScanTask::ask_records() {
  for (; under_way_ < kAtOnce && !names_.empty(); ++under_way_) {
    const std::string lock = std::move(names_.front());
    names_.pop_front();
    after_ = lock;
    connection_.send({"HGETALL", lock_key(prefix_, lock)}, deadline_,
                     [self = shared_from_this(), lock](Reply& each) { self->take_record(lock, each); });
  }
}

void ScanTask::take_record(const std::string& lock, const Reply& reply) {
  if (over_) return;
  --under_way_;
  if (reply.kind != Reply::Kind::array) return fail(failed(reply, false));
  try {
    auto found = record(lock, reply);
    if (found && wanted(*found)) answer_.locks.push_back({lock, std::move(*found), {}});
  } catch (const wire::WireError& error) {
    return fail({engine::Failed::Kind::unavailable, error.what()});
  }
  rows_ += reply.elements.size() / 2;
  if (rows_ > kMostRows && (under_way_ > 0 || !names_.empty() || more_names_)) {
    answer_.up_to = lock;  // they come in the order of their names
    return finish(true);
  }
  if (under_way_ == 0) {
    go_on();
    connection_.flush();
  }
}

// The indexes are read before the records.
bool ScanTask::wanted(const locks::Record& record) const {
  if (question().held_only && !locks::held(record)) return false;
  return !question().timed_only || record.head.timed != 0;
}

void ScanTask::go_on() {
  if (over_) return;
  if (!names_.empty()) return ask_records();
  // Some may have ceased to be wanted meanwhile. An answer without any would have no name to go on from.
  if (more_names_ && answer_.locks.empty()) return ask_names();
  finish(more_names_);
}

void ScanTask::finish(bool more) {
  over_ = true;
  answer_.more = more;
  operation_.answer = std::move(answer_);
  done_(operation_);
}

void ScanTask::fail(engine::Failed why) {
  if (std::exchange(over_, true)) return;
  operation_.answer = std::move(why);
  done_(operation_);
}

}  // namespace lockkeeper::stores::redis
