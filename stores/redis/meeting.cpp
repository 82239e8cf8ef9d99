// What is asked first over each new connection: what server it is, and whether its data are those we know.
#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <utility>

#include "stores/redis/records.h"
#include "stores/redis/worker.h"
#include "wire/record_json.h"

namespace lockkeeper::stores {
namespace {

constexpr std::size_t kLately = 256;  // commits that are looked for again

std::string new_epoch() {
  std::random_device random;
  std::string epoch;
  for (int i = 0; i < 16; ++i) epoch += "0123456789abcdef"[random() % 16];
  return epoch;
}

std::string milliseconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

void RedisStore::Worker::greet(const redis::Link::Greeted& done) {
  redis::Connection& connection = commands_.connection();
  const Time deadline = redis::Connection::Clock::now() + options_.timeout;
  facts_ = {};
  connection.send({"INFO"}, deadline, [this](Reply& reply) { facts_.from_info(reply); });
  connection.send({"HELLO"}, deadline, [this](Reply& reply) { facts_.from_hello(reply); });
  connection.send({"CONFIG", "GET", "appendfsync"}, deadline, [this](Reply& reply) { facts_.from_config(reply); });
  for (redis::Script* script : scripts_.loaded()) {
    connection.send({"SCRIPT", "LOAD", script->text}, deadline, [script](Reply& reply) {
      if (reply.kind == Reply::Kind::text) script->sha = reply.text;
    });
  }
  // Versions of a set of data that takes another's place begin above all that were given in that.
  const std::string floor =
      epoch_.empty() ? "0"
                     : std::max(std::to_string(highest_), milliseconds_now(), [](const auto& a, const auto& b) {
                         return std::pair(a.size(), a) < std::pair(b.size(), b);
                       });
  redis::Command open{"EVAL", scripts_.open.text, "0", redis::layout, new_epoch(), epoch_, floor};
  connection.send(open, deadline, [this, done](Reply& reply) { met(reply, done); });
}

void RedisStore::Worker::met(const Reply& reply, const redis::Link::Greeted& done) {
  if (const auto why = facts_.refusal()) return done({*why, true});
  if (reply.kind != Reply::Kind::array || reply.elements.size() != 3) {
    const bool refused = reply.kind == Reply::Kind::error && !reply.error("LOADING") && !reply.error("OOM") &&
                         !reply.error("MISCONF") && !reply.error("BUSY") && !reply.error("MASTERDOWN");
    return done({reply.text, refused});
  }
  const std::string& layout = reply.elements[0].text;
  if (layout != redis::layout) {
    return done({"its keys " + options_.prefix + ":* have the layout \"" + layout + "\", and this program knows " +
                     redis::layout + ": they are a newer one's, or something else's",
                 true});
  }
  warn_of(facts_);
  take_epoch(reply.elements[1]);
  look_for_losses(done);
}

void RedisStore::Worker::warn_of(const redis::ServerFacts& facts) {
  auto warnings = facts.warnings();
  if (warnings == warned_) return;
  for (const std::string& each : warnings) options_.warn(each);
  warned_ = std::move(warnings);
}

void RedisStore::Worker::take_epoch(const Reply& reply) {
  if (!epoch_.empty() && reply.text != epoch_) {
    options_.warn("Redis has LOST all locks: what it holds under " + options_.prefix +
                  ":* is not what was there before. Whoever held a lock does not hold it any more; new tokens are "
                  "above all old "
                  "ones");
    lately_.clear();
  } else if (!run_id_.empty() && facts_.run_id != run_id_) {
    options_.info("Redis was started anew, or another server has taken its place");
  }
  epoch_ = reply.text;
  run_id_ = facts_.run_id;
}

// Whether what it acknowledged to us last is still there.
void RedisStore::Worker::look_for_losses(const redis::Link::Greeted& done) {
  if (lately_.empty()) return done({});
  redis::Connection& connection = commands_.connection();
  const Time deadline = redis::Connection::Clock::now() + options_.timeout;
  auto lost = std::make_shared<std::vector<std::string>>();
  auto floor = std::make_shared<locks::Version>(0);
  const auto version_of = [](const Reply& reply) {
    return reply.kind == Reply::Kind::text ? std::strtoull(reply.text.c_str(), nullptr, 10) : 0;
  };
  connection.send({"HGET", options_.prefix + ":meta", "floor"}, deadline,
                  [floor, version_of](Reply& reply) { *floor = version_of(reply); });
  for (const auto& [lock, version] : lately_) {
    connection.send({"HGET", redis::lock_key(options_.prefix, lock), "v"}, deadline,
                    [=, lock = lock, version = version](Reply& reply) {
                      if (reply.failed()) return;
                      const bool there = reply.kind == Reply::Kind::text;
                      if ((there ? version_of(reply) : *floor) < version) lost->push_back(lock);
                    });
  }
  connection.send({"PING"}, deadline, [this, lost, done](Reply& reply) {
    if (reply.failed()) return done({reply.text});
    if (!lost->empty()) {
      options_.warn("Redis has LOST changes that it had acknowledged, of " + std::to_string(lost->size()) +
                    " locks at least, lock '" + lost->front() +
                    "' among them: who holds them now may not be the only one, and tokens may be given twice");
    }
    lately_.clear();
    done({});
  });
}

void RedisStore::Worker::remember(const engine::Commit& committed) {
  highest_ = std::max(highest_, committed.change.head.version);
  if (lately_.size() < kLately) {
    lately_.emplace_back(committed.lock, committed.change.head.version);
    return;
  }
  // The oldest one's strings are used again.
  auto oldest = std::move(lately_.front());
  lately_.pop_front();
  oldest.first = committed.lock;
  oldest.second = committed.change.head.version;
  lately_.push_back(std::move(oldest));
}

}  // namespace lockkeeper::stores
