#include "agent/leader.h"

#include <utility>

#include "agent/backoff.h"

namespace lockkeeper::agent {

using std::chrono::milliseconds;

namespace {

constexpr Backoff kRetry{std::chrono::seconds(1), std::chrono::seconds(30)};
constexpr milliseconds kLastRequest{2500};

}  // namespace

LeaseLeader::LeaseLeader(Terms terms, Clock& clock, Log& log, const http::Interrupt* stop)
    : terms_(std::move(terms)),
      clock_(clock),
      log_(log),
      client_(terms_.api),
      identity_{client::new_request_id(), terms_.holder} {
  client_.set_interrupt(stop);
}

LeaseLeader::~LeaseLeader() {
  resign();
}

std::shared_ptr<client::KeepAlive> LeaseLeader::current() {
  const std::scoped_lock lock(mutex_);
  return lease_;
}

bool LeaseLeader::leads() {
  const auto lease = current();
  return lease && lease->state() == client::KeepAlive::State::held;
}

milliseconds LeaseLeader::campaign() {
  if (const auto lease = current()) lost(lease->why());
  drop();
  try {
    if (intention_.claim.empty()) {
      const locks::Version version = client_.lock(terms_.lock).version;
      intention_ = {"lockagt " + client::new_request_id(), client::new_request_id(), version};
    }
    // A try without an answer may have been granted: the lease counts from before the first of them.
    if (!asked_) asked_ = client::BootClock::now();
    auto answer =
        client_.acquire(terms_.lock, identity_, intention_, {.metadata = {}, .ttl = terms_.ttl, .wait = {}});
    failures_ = 0;
    const auto asked = *std::exchange(asked_, std::nullopt);
    if (const auto* granted = std::get_if<wire::GrantedView>(&answer)) {
      if (keep(*granted, asked)) return milliseconds(0);
      intention_ = {};
      return milliseconds(100);
    }
    const auto& denied = std::get<wire::DeniedView>(answer);
    if (!denied.why.empty()) {  // 410: somebody ended it
      intention_ = {};
      return milliseconds(100);
    }
    intention_.begun = denied.version;
    const std::string by = denied.holders.empty() ? "another" : denied.holders.front().holder;
    tell(LogLevel::info, "standing by: " + by + " leads");
    // Random, so that those who stand by do not ask all at once.
    return milliseconds(
        static_cast<milliseconds::rep>(static_cast<double>(terms_.ttl.count()) / 5 * (0.5 + clock_.random())));
  } catch (const client::ServerError& error) {
    return refused(error.what(), error.retry_after);
  } catch (const http::HttpError& error) {
    if (error.kind == http::HttpError::Kind::interrupted) return milliseconds(0);
    return refused(error.what(), std::nullopt);
  }
}

milliseconds LeaseLeader::refused(const std::string& why, std::optional<std::chrono::seconds> retry_after) {
  tell(LogLevel::error, "cannot lead: " + why);
  return pause_after(++failures_, kRetry, clock_.random(), retry_after);
}

void LeaseLeader::tell(LogLevel level, const std::string& text) {
  if (std::exchange(told_, text) == text) return;
  log_.say(level, text);
}

bool LeaseLeader::keep(const wire::GrantedView& granted, client::BootClock::time_point asked) {
  auto lease = std::make_shared<client::KeepAlive>(
      terms_.api, client::lease(terms_.lock, identity_.key, granted, asked),
      client::KeepAlive::Options{.margin = {}, .lost = [this](const std::string& why) { lost(why); }});
  if (!lease->sure()) return false;
  lost_told_ = false;
  if (terms_.won) terms_.won();
  tell(LogLevel::info, "leads, with token " + std::to_string(granted.token));
  const std::scoped_lock lock(mutex_);
  lease_ = std::move(lease);
  return true;
}

// Told by the lease's own thread, or by the loop if that looked at the clock first (a frozen agent that wakes up).
void LeaseLeader::lost(const std::string& why) {
  if (lost_told_.exchange(true)) return;
  log_.say(LogLevel::warn, "leads no longer: " + (why.empty() ? "its lease is over" : why));
  if (terms_.lost) terms_.lost();
}

void LeaseLeader::drop() {
  std::shared_ptr<client::KeepAlive> lease;
  {
    const std::scoped_lock lock(mutex_);
    lease = std::exchange(lease_, nullptr);
  }
  if (lease) intention_ = {};  // it was lost: the next is a new one
}

void LeaseLeader::resign() {
  const std::string claim = intention_.claim;
  drop();
  if (claim.empty()) return;
  intention_ = {};
  client_.set_interrupt(nullptr);
  client_.set_request_timeout(kLastRequest);
  try {
    client_.release_claim(terms_.lock, identity_, claim);
  } catch (const std::exception& error) {
    log_.say(LogLevel::warn, std::string("could not give the lead back, it lapses: ") + error.what());
  }
}

}  // namespace lockkeeper::agent
