#include "out/lock_step.h"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <utility>

namespace lockkeeper::out {

using namespace std::chrono_literals;
using resource::StepEnded;
using resource::StepFailed;

namespace {

// After SIGTERM: two tries of this long are well inside the 8 s that a step has (resource/signals.h).
constexpr std::chrono::milliseconds kGiveBackTimeout = 2500ms;
constexpr int kGiveBackTries = 2;

// Proxies cut what is silent for a minute.
constexpr std::chrono::milliseconds kPoll = 25s;
// A poll that lasted so long was a pause of its own, however long it asked for: a server may have a shorter bound.
constexpr std::chrono::milliseconds kRest = 1s;

// Whether both are of one build. An id is a Concourse's own, so that its URL counts too, where it is known.
bool same_build(const locks::Metadata& one, const locks::Metadata& other) {
  const auto value = [](const locks::Metadata& metadata, const char* name) {
    return resource::metadata_value(metadata, name);
  };
  const std::string url = value(one, "url"), other_url = value(other, "url");
  return value(one, "build") == value(other, "build") && (url.empty() || other_url.empty() || url == other_url);
}

}  // namespace

LockStep::LockStep(resource::World& world, resource::BuildLog& log, resource::LockServer& server,
                   resource::Patience& patience, Order order)
    : world_(world),
      log_(log),
      server_(server),
      patience_(patience),
      order_(std::move(order)),
      server_url_(http::without_userinfo(order_.source.locker_uri)),
      owner_(resource::owner(order_.build, order_.lock, order_.params.key, order_.params.holder)),
      metadata_(resource::claim_metadata(order_.build, order_.params.metadata)),
      intention_{owner_.claim, world.request_id(), std::nullopt},
      waiting_(world, log, patience, order_.lock) {}

void LockStep::run(std::ostream& output) {
  try {
    begin();
    answer(acquire(), output);
    // Concourse discards what was printed once it has ended the step: then nobody would know of the claim.
    if (world_.interrupted()) throw StepEnded();
  } catch (const StepEnded&) {
    // At an original server a release would also free a like-named hold of somebody else.
    if (asked_ && (unknown_ || !original())) give_back();
    throw;
  } catch (...) {
    if (unknown_) give_back();
    throw;
  }
}

void LockStep::begin() {
  const wire::LockView view = patience_.ask(server_url_, [&](std::chrono::milliseconds timeout) {
    server_.set_request_timeout(timeout);
    return server_.lock(order_.lock);
  });
  intention_.begun = view.version;
  known_ = view.version;
  waiting_.learn(view.holders, std::nullopt);
  if (!original()) return;
  log_.info(
      server_url_ +
      " is an original locker server: it knows no claims and no history, and a repeated step may count twice");
  if (order_.params.ttl) {
    throw StepFailed(server_url_ + " is an original locker server: it would take no notice of params.ttl, and a " +
                     "build that dies would hold " + order_.lock +
                     " for ever. Leave ttl out, or use another server");
  }
}

wire::GrantedView LockStep::acquire() {
  for (;;) {
    auto answer = ask();
    if (auto* granted = std::get_if<wire::GrantedView>(&answer)) {
      unknown_ = true;  // until Concourse has the answer
      return std::move(*granted);
    }
    const wire::DeniedView& denied = std::get<wire::DeniedView>(answer);
    if (denied.why.empty()) {
      refused(denied);
      pause();
    } else {
      over(denied);
    }
  }
}

std::variant<wire::GrantedView, wire::DeniedView> LockStep::ask() {
  asked_ = true;
  return patience_.ask(server_url_, [&, poll = poll()](std::chrono::milliseconds timeout) mutable {
    server_.set_request_timeout(timeout);
    const client::AcquireOptions options{resource::with_waited(metadata_, patience_.waited()), order_.params.ttl,
                                         poll};
    if (poll) poll = 0ms;  // after a failure: that it answers again, and with which place, is told at once
    polled_ = {world_.now(), options.wait.value_or(0ms)};
    log_.debug("PUT " + order_.lock + ", begun at " + std::to_string(intention_.begun.value_or(0)) +
               (options.wait ? ", waits " + resource::seconds_text(*options.wait) : ""));
    const bool before = std::exchange(unknown_, true);
    try {
      auto one = server_.acquire(order_.lock, owner_.identity, intention_, options);
      unknown_ = before;
      return one;
    } catch (...) {
      unknown_ = before || client::current_failure().unknown;
      throw;
    }
  });
}

// How long the server keeps its answer back. The first one comes at once, with the lock or a place, so that the log
// can tell.
std::optional<std::chrono::milliseconds> LockStep::poll() {
  if (original() || order_.params.wait.once) return std::nullopt;
  if (!placed_) return 0ms;
  return std::min(kPoll, patience_.left().value_or(kPoll));
}

void LockStep::refused(const wire::DeniedView& denied) {
  refused_ = true;
  placed_ = denied.queued.has_value();
  if (placed_) {
    unknown_ = true;  // its turn may come at any moment
  } else if (denied.version != 0) {
    intention_.begun = denied.version;
  }
  known_ = denied.version;
  std::vector<wire::HoldView> holders = denied.holders;
  if (original()) {  // its refusal does not say by whom
    holders = patience_.ask(server_url_, [&](auto) { return server_.lock(order_.lock); }).holders;
  }
  if (waiting_.lost_place(denied.queued)) {
    log_.warn(
        "the place of this step in the queue has lapsed, since the server heard nothing of it for too long; it "
        "queues again, at the end");
  }
  waiting_.learn(std::move(holders), denied.queued);
  waiting_.tell();
}

// After a poll that lasted the next one follows at once: without an open poll a turn may be lost. There are none at
// an original server, and a server that has too many open answers at once.
void LockStep::pause() {
  const auto reminder = [this] { return waiting_.reminder(); };
  if (placed_ && !patience_.over() && world_.now() - polled_.at >= std::min(polled_.wait, kRest)) {
    patience_.rested();
    patience_.remind(reminder);
    return;
  }
  if (!patience_.pause(std::nullopt, reminder)) {
    throw StepFailed(order_.lock + " is " + waiting_.state() + " (" + patience_.gave_up() + ")");
  }
}

// 410: nothing that this process does from here on can take the lock, unless it is asked again for a version that
// it knows.
void LockStep::over(const wire::DeniedView& denied) {
  unknown_ = false;
  const std::string lock = order_.lock;
  if (denied.why == "superseded") throw StepFailed("another run of this step has taken over its claim on " + lock);
  if (denied.why == "forgotten") {
    if (intention_.begun < known_) {  // its place stood then, so nobody had unlocked until then
      intention_.begun = known_;
      return;
    }
    throw StepFailed("this step asked for " + lock +
                     " so long ago that the server cannot tell whether it was unlocked since");
  }
  if (denied.ended == "forced") {
    throw StepFailed("an operator's force-release took " + lock + " from this step before it knew that it had it");
  }
  if (denied.ended == "lapsed") {
    throw StepFailed(lock + " was this step's, and lapsed before it knew that it had it: it could not reach " +
                     server_url_ + " for longer than its ttl");
  }
  throw StepFailed("this build unlocked " + lock + " while this step was still waiting for it");
}

void LockStep::answer(const wire::GrantedView& granted, std::ostream& output) {
  tell_granted(granted);
  const std::vector<wire::HoldView> holders = holders_after(granted);
  const std::string revision = original() ? resource::digest(order_.lock, holders) : std::to_string(granted.token);
  resource::write_answer(output, resource::version_pairs(order_.source, order_.lock, revision),
                         resource::metadata({order_.lock, holders, resource::seconds_text(patience_.waited()),
                                             server_url_, granted.ttl}));
}

void LockStep::tell_granted(const wire::GrantedView& granted) {
  std::string text = "locked " + order_.lock + " for " + owner_.identity.holder + " after " +
                     resource::seconds_text(patience_.waited());
  if (granted.token != 0) text += ", token " + std::to_string(granted.token);
  if (granted.taken_over) text += " (an earlier run of this step had it already)";
  log_.info(text);
  if (granted.ttl || granted.max_hold) {
    const bool ttl = granted.ttl && (!granted.max_hold || *granted.ttl <= *granted.max_hold);
    log_.info("this hold lapses after " + resource::seconds_text(ttl ? *granted.ttl : *granted.max_hold) +
              (ttl ? " (params.ttl; nothing renews it)" : " (the server's max_hold)"));
  }
  tell_others(granted.others);
}

// An operator frees what a dead build left by its claim's name, which only the lock itself tells.
void LockStep::tell_others(std::vector<wire::HoldView> others) {
  std::erase_if(others, [&](const wire::HoldView& other) { return same_build(other.metadata, metadata_); });
  if (others.empty()) return;
  const auto tell = [&](const wire::HoldView& other, const std::string& claim) {
    log_.warn(resource::holder_text(other, world_.wall()) + " also holds it by another claim" + claim +
              ": a build that ended without its unlock leaves one");
  };
  if (look()) {
    for (const wire::ClaimView& claim : seen_->claims) {
      if (claim.holder != owner_.identity.holder || claim.claim == owner_.claim) continue;
      if (same_build(claim.metadata, metadata_)) continue;
      tell({claim.holder, claim.count, claim.since, claim.metadata},
           claim.claim.empty() ? " without a name" : ", " + claim.claim);
    }
    return;
  }
  for (const wire::HoldView& other : others) tell(other, "");
}

// Reads the lock as it is after the grant, once; false: no answer, which is no reason to fail.
bool LockStep::look() {
  if (seen_) return true;
  try {
    seen_ = server_.lock(order_.lock);
  } catch (...) {
    if (client::current_failure().ended || world_.interrupted()) throw StepEnded();
  }
  return seen_.has_value();
}

// Everybody who holds the lock now. Known without asking when nothing happened between what was read last and
// the grant, as on a free lock.
std::vector<wire::HoldView> LockStep::holders_after(const wire::GrantedView& granted) {
  std::vector<wire::HoldView> holders = waiting_.holders();
  const bool sure = original() ? !refused_ : granted.version == known_ + 1 && !granted.taken_over && !granted.again;
  if (!sure) {
    if (look()) return seen_->holders;
    holders.clear();
  }
  std::erase_if(holders, [&](const wire::HoldView& hold) { return hold.holder == owner_.identity.holder; });
  holders.push_back({owner_.identity.holder, std::max<std::uint64_t>(granted.count, 1), granted.since, metadata_});
  return holders;
}

void LockStep::give_back() {
  server_.ignore_interrupt();
  server_.set_request_timeout(kGiveBackTimeout);
  std::string why;
  for (int tries = 0; tries < kGiveBackTries; ++tries) {
    try {
      const auto answer = server_.withdraw(order_.lock, owner_.identity, intention_);
      const auto* released = std::get_if<wire::ReleasedView>(&answer);
      log_.info(released != nullptr && released->released > 0 ? "gave " + order_.lock + " back"
                : placed_                                     ? "left the queue for " + order_.lock
                                                              : "this step holds nothing on " + order_.lock);
      return;
    } catch (...) {
      const client::Failure failure = client::current_failure();
      why = failure.text;
      if (!failure.may_pass) break;
    }
  }
  log_.error("could not give " + order_.lock + " back, if it was won: " + why +
             "; an unlock of this build (ensure) frees it");
}

}  // namespace lockkeeper::out
