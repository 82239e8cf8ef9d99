#include "stores/redis/worker.h"

#include <chrono>
#include <utility>

#include "engine/store_error.h"

namespace lockkeeper::stores {
namespace {

redis::Address address(const RedisOptions& options) {
  redis::Address address;
  address.host = options.host;
  address.port = options.port;
  address.user = options.user;
  address.password = options.password;
  address.database = options.database;
  address.tls = options.tls;
  address.ca = options.ca;
  address.certificate = options.certificate;
  address.key = options.key;
  address.server_name = options.server_name;
  address.client_name = "lockkeeper";
  return address;
}

}  // namespace

RedisStore::Worker::Worker(RedisOptions options)
    : options_(std::move(options)),
      scripts_(options_.prefix),
      dropping_(loop_),
      commands_(loop_, address(options_), options_.timeout,
                {[this](const redis::Link::Greeted& done) { greet(done); }, [this] { settle(); },
                 [this](const redis::Fault& fault) { fell(fault); }, nullptr, [this] { deliver(); }}),
      watch_(loop_, address(options_), options_.timeout, options_.prefix + ":changed",
             {[this](std::vector<engine::Changed> locks) { completions_->changed(std::move(locks)); },
              [this](bool again) {
                settle();
                if (again) completions_->missed();
              },
              [this](const redis::Fault& fault) { fell(fault); }}) {}

RedisStore::Worker::~Worker() {
  close();
}

void RedisStore::Worker::open(engine::Completions& completions) {
  completions_ = &completions;
  loop_.start();
  loop_.hand_over([this] {
    commands_.start();
    watch_.start();
  });
  std::string why;
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, options_.connect_timeout, [this] { return up_once_ || trouble_.refused; });
    if (up_once_) return;
    why = trouble_.why.empty() ? "no answer in time" : trouble_.why;
  }
  close();
  throw engine::StoreError("cannot use Redis at " + address(options_).shown() + ": " + why);
}

void RedisStore::Worker::begin(Operation* chain) {
  std::size_t number = 0;
  for (const Operation* each = chain; each != nullptr; each = each->next) ++number;
  under_way_.fetch_add(number, std::memory_order_relaxed);
  begun_.push(chain);
  if (!told_.exchange(true)) loop_.hand_over([this] { take(); });
}

// All that was begun comes back within its time.
void RedisStore::Worker::close() {
  {
    std::unique_lock lock(mutex_);
    if (std::exchange(closed_, true)) return;
    changed_.wait(lock, [this] { return under_way_ == 0; });
  }
  ready_ = false;
  loop_.stop();
}

// Both connections stand.
void RedisStore::Worker::settle() {
  if (!commands_.up() || !watch_.up()) return;
  if (std::exchange(told_away_, false)) options_.info("Redis at " + address(options_).shown() + " is back");
  ready_ = true;
  const std::lock_guard lock(mutex_);
  up_once_ = true;
  changed_.notify_all();
}

void RedisStore::Worker::fell(const redis::Fault& fault) {
  if (!commands_.up()) why_away_ = fault.why;
  const bool was_ready = ready_.exchange(false);
  deliver();
  const std::lock_guard lock(mutex_);
  trouble_ = fault;
  changed_.notify_all();
  if (!up_once_ || !was_ready) return;
  told_away_ = true;
  options_.warn("Redis at " + address(options_).shown() + " is away: " + fault.why);
}

}  // namespace lockkeeper::stores
