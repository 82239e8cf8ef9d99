#include "stores/etcd/desk.h"

#include <algorithm>
#include <future>
#include <utility>

#include "engine/store_error.h"

namespace lockkeeper::stores::etcd {

using engine::StoreError;

namespace {

constexpr std::string_view kFormat = "lockkeeper 1";

}  // namespace

Desk::Desk(StoreSettings settings)
    : options_(options_of(settings.url)),
      settings_(std::move(settings)),
      layout_(options_.prefix),
      client_(options_.client, *this),
      gathering_(client_, options_.client.timeout, options_.in_flight, layout_.counted()),
      questions_(client_, gathering_, layout_, options_.client.timeout) {}

Desk::~Desk() {
  client_.stop();
}

// ---- opening and closing

void Desk::open(engine::Completions& completions) {
  completions_ = &completions;
  client_.start();
  const auto until = Clock::now() + options_.connect_timeout;
  {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, [this] { return settled_; });
    if (!client_.ready()) {
      const std::string why = why_;
      lock.unlock();
      client_.stop();
      throw StoreError(options_.shown + " cannot be used: " + (why.empty() ? "no answer in time" : why));
    }
  }
  try {
    const std::int64_t seen = prepare(until);
    std::promise<void> watched;
    const std::lock_guard lock(mutex_);
    errands_.emplace_back([this, seen] {
      opened_ = true;
      WatchWish wish{layout_.heads(), end_of(layout_.heads()), seen + 1, {}, {}};
      wish.events = [this](std::vector<WatchEvent> events) {
        std::vector<engine::Changed> changed;
        changed.reserve(events.size());
        for (const auto& each : events) {
          changed.push_back({layout_.head_of(each.key), each.deleted ? 0 : version_of(each.value)});
        }
        completions_->changed(std::move(changed));
      };
      wish.missed = [this] { completions_->missed(); };
      client_.watch(std::move(wish));
    });
    client_.wake();
  } catch (...) {
    client_.stop();
    throw;
  }
}

std::variant<TxnReply, Failure> Desk::now(std::function<Txn()> txn) {
  std::promise<Result<TxnReply>> reply;
  {
    const std::lock_guard lock(mutex_);
    errands_.emplace_back([&] {
      client_.txn(txn(), Clock::now() + options_.client.timeout,
                  [&reply](Result<TxnReply> result) { reply.set_value(std::move(result)); });
    });
  }
  client_.wake();
  return reply.get_future().get();
}

// Reads first: a cluster without room for more is still opened.
std::int64_t Desk::prepare(Clock::time_point until) {
  const auto look = [this] {
    Txn txn;
    txn.then.emplace_back(Range{layout_.format()});
    return txn;
  };
  const auto write = [this] {
    Txn txn;
    txn.when.push_back({layout_.format(), Compare::Of::create_revision, Compare::Is::equal, 0, {}});
    txn.then.emplace_back(Put{layout_.format(), std::string(kFormat)});
    txn.then.emplace_back(Put{layout_.floor(), digits(0)});
    txn.otherwise.emplace_back(Range{layout_.format()});
    return txn;
  };
  std::function<Txn()> step = look;
  while (true) {
    const auto result = now(step);
    if (const auto* failure = std::get_if<Failure>(&result)) {
      // Away for a moment, or of an unknown outcome: writing is conditional, so it may be tried again.
      std::unique_lock lock(mutex_);
      const bool again = failure->kind == Failure::Kind::unknown || !client_.ready();
      if (!again || !changed_.wait_until(lock, until, [this] { return client_.ready(); })) {
        throw StoreError(options_.shown + " cannot be used: " + failure->why);
      }
      if (Clock::now() >= until) throw StoreError(options_.shown + " cannot be used: " + failure->why);
      continue;
    }
    const auto& reply = std::get<TxnReply>(result);
    const bool is_there = !reply.steps.empty() && !reply.steps.front().kvs.empty();
    if (is_there) {
      if (const auto& found = reply.steps.front().kvs.front().value; found != kFormat) {
        throw StoreError(options_.shown + ": what lies under " + layout_.format() + " is \"" + found +
                         "\", which this server does not know; it knows \"" + std::string(kFormat) + "\"");
      }
      return reply.revision;
    }
    step = write;  // and, once it is written, seen: reads of a younger revision follow anyway
    if (reply.steps.size() > 1) return reply.revision;
  }
}

void Desk::close() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return owed_ == 0; });
  }
  client_.stop();
}

void Desk::begin(engine::Operation* chain) {
  std::size_t number = 0;
  for (const engine::Operation* each = chain; each != nullptr; each = each->next) ++number;
  if (number == 0) return;
  owed_ += number;
  begun_.push(chain);
  client_.wake();
}

// ---- on the client's thread

void Desk::woken() {
  std::deque<std::function<void()>> errands;
  {
    const std::lock_guard lock(mutex_);
    errands.swap(errands_);
  }
  for (const auto& each : errands) each();
  const auto until = Clock::now() + options_.client.timeout;
  for (engine::Operation* each = begun_.take(); each != nullptr;) {
    engine::Operation* const following = each->next;  // an answer links it otherwise
    start(each, until);
    each = following;
  }
  gathering_.send();
}

void Desk::start(engine::Operation* operation, Time until) {
  std::visit(
      [&](const auto& question) {
        questions_.ask(question, until, [this, operation](Answer given) { answer(operation, std::move(given)); });
      },
      operation->question);
}

void Desk::answer(engine::Operation* operation, Answer answer) {
  operation->answer = std::move(answer);
  operation->next = answered_;
  answered_ = operation;
  ++answers_;
}

void Desk::turn_over() {
  gathering_.send();
  if (answered_ == nullptr) return;
  const std::size_t number = std::exchange(answers_, 0);
  engine::Operation* chain = nullptr;
  for (engine::Operation* each = std::exchange(answered_, nullptr); each != nullptr;) {
    engine::Operation* const following = each->next;
    each->next = chain;
    chain = each;
    each = following;
  }
  completions_->completed(chain);
  if (owed_.fetch_sub(number) == number) {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
}

void Desk::tick() {
  if (!opened_) {
    const std::lock_guard lock(mutex_);
    why_ = client_.last_failure().why;
    settled_ = client_.ready() || client_.hopeless();
    changed_.notify_all();
  }
}

void Desk::away() {
  if (opened_) settings_.warn(client_.last_failure().why + "; looking for one that serves");
}

void Desk::back() {
  if (opened_) settings_.info("etcd serves again");
  const std::lock_guard lock(mutex_);
  settled_ = true;
  changed_.notify_all();
}

}  // namespace lockkeeper::stores::etcd
