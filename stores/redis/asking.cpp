// Operations as commands, and replies as their answers.
#include <algorithm>
#include <utility>

#include "engine/sleeper.h"
#include "stores/redis/faults.h"
#include "stores/redis/records.h"
#include "stores/redis/scan.h"
#include "stores/redis/worker.h"
#include "wire/record_json.h"

namespace lockkeeper::stores {
namespace {

// Changes that go into one call of the script, at most, and bytes: a call is one event for Redis, with one fsync.
constexpr std::size_t kChanges = 128;
constexpr std::size_t kBytes = 128 * 1024;
constexpr std::size_t kCalls = 1;       // under way together; two have smaller groups, and were slower
constexpr std::size_t kLookedAt = 500;  // locks, by one call that looks for free ones
constexpr std::size_t kMost = 1'000'000'000;

using engine::Failed;

}  // namespace

void RedisStore::Worker::take() {
  told_ = false;
  now_ = redis::Connection::Clock::now();
  loop_.linger(under_way_.load(std::memory_order_relaxed) <= engine::Sleeper::few);
  for (Operation* operation = begun_.take(); operation != nullptr;) {
    Operation* const next = std::exchange(operation->next, nullptr);
    if (!commands_.up()) {
      operation->answer = Failed{Failed::Kind::unavailable, "Redis is away: " + why_away_};
      finish(*operation);
    } else if (std::holds_alternative<engine::Commit>(operation->question)) {
      if (waiting_ == nullptr) waiting_until_ = now_ + options_.timeout;
      (waiting_ != nullptr ? last_waiting_->next : waiting_) = operation;
      last_waiting_ = operation;
    } else {
      ask(*operation);
    }
    operation = next;
  }
  send_waiting();
  commands_.connection().flush();
  deliver();
}

// While a call is under way, commits gather for the next one: each costs an fsync, and Redis waits for it.
void RedisStore::Worker::send_waiting() {
  if (waiting_ == nullptr || calls_ >= kCalls) return;
  Operation* chain = std::exchange(waiting_, nullptr);
  if (commands_.connection().connected()) return ask_commits(chain, waiting_until_, false);
  while (chain != nullptr) {
    Operation& operation = *std::exchange(chain, chain->next);
    operation.answer = Failed{Failed::Kind::unavailable, "Redis is away: the connection broke"};
    finish(operation);
  }
}

void RedisStore::Worker::ask(Operation& operation) {
  if (std::holds_alternative<engine::Read>(operation.question)) return read(operation);
  if (std::holds_alternative<engine::Prune>(operation.question)) return prune(operation, false);
  if (std::holds_alternative<engine::ReadHistory>(operation.question)) return read_history(operation, false);
  if (std::holds_alternative<engine::FindFree>(operation.question)) return find_free(operation, false);
  if (std::holds_alternative<engine::TrimHistory>(operation.question)) return trim(operation, false);
  std::make_shared<redis::ScanTask>(commands_.connection(), options_.prefix, operation, now_ + options_.timeout,
                                    [this](Operation& done) { finish(done); })
      ->begin();
}

redis::Command RedisStore::Worker::call(const redis::Script& script, bool whole_script, std::size_t keys) const {
  const bool whole = whole_script || script.sha.empty();
  redis::Command command;
  command.add(whole ? "EVAL" : "EVALSHA").add(whole ? script.text : script.sha).add(keys);
  return command;
}

// One call for several: each is still conditional by itself, and Redis carries them out one after the other.
void RedisStore::Worker::ask_commits(Operation* chain, Time deadline, bool whole_script) {
  while (chain != nullptr) {
    Operation* const first = chain;
    redis::Command changes;
    std::size_t number = 0;
    Operation* last = first;
    for (; chain != nullptr && number < kChanges && changes.bytes() < kBytes; chain = chain->next, ++number) {
      redis::add_change(changes, std::get<engine::Commit>(chain->question), scratch_);
      last = chain;
    }
    last->next = nullptr;
    redis::Command command = call(scripts_.commit, whole_script, number);
    for (const Operation* each = first; each != nullptr; each = each->next) {
      command.add(redis::lock_key(options_.prefix, std::get<engine::Commit>(each->question).lock));
    }
    command.add(changes);
    ++calls_;
    commands_.connection().send(command, deadline, [this, first, deadline, whole_script](Reply& reply) {
      --calls_;
      committed(first, deadline, whole_script, reply);
    });
  }
}

void RedisStore::Worker::committed(Operation* chain, Time deadline, bool whole_script, Reply& reply) {
  if (reply.error("NOSCRIPT") && !whole_script) {
    ask_commits(chain, deadline, true);  // nothing was done
    return commands_.connection().flush();
  }
  no_good(reply);
  for (std::size_t i = 0; chain != nullptr; ++i) {
    Operation& operation = *std::exchange(chain, chain->next);
    const auto& commit = std::get<engine::Commit>(operation.question);
    const Reply* mine = reply.kind == Reply::Kind::array && i < reply.elements.size() ? &reply.elements[i] : &reply;
    if (mine->kind == Reply::Kind::integer) {
      remember(commit);
      operation.answer = engine::Committed{};
    } else if (mine != &reply && mine->kind == Reply::Kind::array && mine->elements.size() == 2) {
      try {
        operation.answer =
            engine::Conflict{redis::record(commit.lock, mine->elements[0]), redis::version(mine->elements[1])};
      } catch (const wire::WireError& error) {
        operation.answer = Failed{Failed::Kind::unavailable, error.what()};
      }
    } else {
      operation.answer = redis::failed(*mine, true);
    }
    finish(operation);
  }
  send_waiting();
  commands_.connection().flush();
}

// The record first: whatever was pruned before it was read has raised the floor that is read after it.
void RedisStore::Worker::read(Operation& operation) {
  const std::string& lock = std::get<engine::Read>(operation.question).lock;
  redis::Connection& connection = commands_.connection();
  connection.send({"HGETALL", redis::lock_key(options_.prefix, lock)}, now_ + options_.timeout,
                  [&operation, &lock](Reply& reply) {
                    if (reply.kind != Reply::Kind::array) {
                      operation.answer = redis::failed(reply, false);
                      return;
                    }
                    try {
                      operation.answer = engine::Found{redis::record(lock, reply), 0};
                    } catch (const wire::WireError& error) {
                      operation.answer = Failed{Failed::Kind::unavailable, error.what()};
                    }
                  });
  connection.send(
      {"HGET", options_.prefix + ":meta", "floor"}, now_ + options_.timeout, [this, &operation](Reply& reply) {
        if (auto* found = std::get_if<engine::Found>(&operation.answer)) {
          if (reply.kind == Reply::Kind::text) {
            try {
              found->floor = redis::version(reply);
            } catch (const wire::WireError& error) {
              operation.answer = Failed{Failed::Kind::unavailable, std::string("the floor: ") + error.what()};
            }
          } else {
            Reply lost = reply;
            if (reply.kind == Reply::Kind::nil) {
              lost.kind = Reply::Kind::error;
              lost.text = "LOST what was here is gone";
            }
            no_good(lost);
            operation.answer = redis::failed(lost, false);
          }
        }
        finish(operation);
      });
}

template <class Again>
bool RedisStore::Worker::answers(Operation& operation, const Reply& reply, bool writes, bool whole_script,
                                 Again again) {
  if (reply.error("NOSCRIPT") && !whole_script) {
    again();
    commands_.connection().flush();
    return false;
  }
  if (!reply.failed()) return true;
  no_good(reply);
  operation.answer = redis::failed(reply, writes);
  finish(operation);
  return false;
}

void RedisStore::Worker::prune(Operation& operation, bool whole_script) {
  const auto& question = std::get<engine::Prune>(operation.question);
  redis::Command command = call(scripts_.prune, whole_script, 1);
  command.add(redis::lock_key(options_.prefix, question.lock)).add(question.expected);
  commands_.connection().send(command, now_ + options_.timeout, [=, this, &operation](Reply& reply) {
    if (!answers(operation, reply, true, whole_script, [&] { prune(operation, true); })) return;
    operation.answer = engine::Pruned{reply.integer == 1};
    finish(operation);
  });
}

void RedisStore::Worker::read_history(Operation& operation, bool whole_script) {
  const auto& question = std::get<engine::ReadHistory>(operation.question);
  redis::Command command = call(scripts_.history, whole_script, 0);
  command.add(question.lock)
      .add(question.after)
      .add(std::min(question.limit, kMost))
      .add(question.newest_first ? "1" : "0");
  commands_.connection().send(command, now_ + options_.timeout, [=, this, &operation](Reply& reply) {
    if (!answers(operation, reply, false, whole_script, [&] { read_history(operation, true); })) return;
    try {
      operation.answer = redis::history(std::get<engine::ReadHistory>(operation.question).lock, reply);
    } catch (const wire::WireError& error) {
      operation.answer = Failed{Failed::Kind::unavailable, error.what()};
    }
    finish(operation);
  });
}

void RedisStore::Worker::find_free(Operation& operation, bool whole_script) {
  const auto& question = std::get<engine::FindFree>(operation.question);
  redis::Command command = call(scripts_.find_free, whole_script, 0);
  command.add(free_from_).add(std::to_string(question.before.time_since_epoch().count()));
  command.add(std::min(question.limit, kMost)).add(kLookedAt);
  commands_.connection().send(command, now_ + options_.timeout, [=, this, &operation](Reply& reply) {
    if (!answers(operation, reply, false, whole_script, [&] { find_free(operation, true); })) return;
    engine::FreeFound found;
    if (reply.elements.size() == 2) {
      for (Reply& each : reply.elements[0].elements) found.locks.push_back(std::move(each.text));
      free_from_ = reply.elements[1].text;
    }
    operation.answer = std::move(found);
    finish(operation);
  });
}

void RedisStore::Worker::trim(Operation& operation, bool whole_script) {
  const auto& question = std::get<engine::TrimHistory>(operation.question);
  redis::Command command = call(scripts_.trim, whole_script, 0);
  command.add(trim_from_).add(std::to_string(question.before.time_since_epoch().count()));
  command.add(question.per_lock).add(std::min(question.limit, kMost));
  commands_.connection().send(command, now_ + options_.timeout, [=, this, &operation](Reply& reply) {
    if (!answers(operation, reply, true, whole_script, [&] { trim(operation, true); })) return;
    engine::Trimmed trimmed;
    if (reply.elements.size() == 2) {
      trimmed.dropped = static_cast<std::size_t>(reply.elements[0].integer);
      trim_from_ = reply.elements[1].text;
      trimmed.more = !trim_from_.empty();
    }
    operation.answer = trimmed;
    finish(operation);
  });
}

// A server that is a replica now, or empty, is met anew. Not from within its reply.
void RedisStore::Worker::no_good(const Reply& reply) {
  if (!redis::away(reply)) return;
  dropping_.start(std::chrono::milliseconds(0), [this, why = reply.text] { commands_.drop({why}); });
}

void RedisStore::Worker::finish(Operation& operation) {
  operation.next = nullptr;
  (last_finished_ != nullptr ? last_finished_->next : finished_) = &operation;
  last_finished_ = &operation;
}

void RedisStore::Worker::deliver() {
  Operation* const chain = std::exchange(finished_, nullptr);
  last_finished_ = nullptr;
  if (chain == nullptr) return;
  std::size_t number = 0;
  for (const Operation* each = chain; each != nullptr; each = each->next) ++number;
  completions_->completed(chain);
  if (under_way_.fetch_sub(number) != number) return;
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

}  // namespace lockkeeper::stores
