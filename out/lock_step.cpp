#include "out/lock_step.h"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <utility>

namespace lockkeeper::out {

using namespace std::chrono_literals;
using resource::holders_text;
using resource::StepEnded;
using resource::StepFailed;

namespace {

// After SIGTERM: two tries of this long are well inside the 8 s that a step has (resource/signals.h).
constexpr std::chrono::milliseconds kGiveBackTimeout = 2500ms;
constexpr int kGiveBackTries = 2;

// What tells holds apart: two builds may hold by one name, one after the other.
std::string marks(const std::vector<wire::HoldView>& holders) {
  std::string text;
  for (const wire::HoldView& hold : holders) {
    text += hold.holder + '\n' + resource::metadata_value(hold.metadata, "build") + '\n' +
            std::to_string(hold.since.time_since_epoch().count()) + '\n';
  }
  return text;
}

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
      intention_{owner_.claim, world.request_id(), std::nullopt} {}

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
  learn(view.version, view.holders);
  if (original()) {
    log_.info(
        server_url_ +
        " is an original locker server: it knows no claims and no history, and a repeated step may count twice");
  }
}

wire::GrantedView LockStep::acquire() {
  for (;;) {
    asked_ = true;
    auto answer = patience_.ask(server_url_, [&](std::chrono::milliseconds timeout) {
      server_.set_request_timeout(timeout);
      log_.debug("PUT " + order_.lock + ", begun at " + std::to_string(intention_.begun.value_or(0)));
      const bool before = std::exchange(unknown_, true);
      try {
        auto one = server_.acquire(order_.lock, owner_.identity, intention_,
                                   resource::with_waited(metadata_, patience_.waited()));
        unknown_ = before;
        return one;
      } catch (...) {
        unknown_ = before || resource::current_failure().unknown;
        throw;
      }
    });
    if (auto* granted = std::get_if<wire::GrantedView>(&answer)) {
      unknown_ = true;  // until Concourse has the answer
      return std::move(*granted);
    }
    const wire::DeniedView& denied = std::get<wire::DeniedView>(answer);
    if (!denied.why.empty()) refuse(denied);
    refused_ = true;
    if (denied.version != 0) intention_.begun = denied.version;
    learn(denied.version, denied.holders);
    if (original()) {  // its refusal does not say by whom
      const wire::LockView view = patience_.ask(server_url_, [&](auto) { return server_.lock(order_.lock); });
      learn(0, view.holders);
    }
    tell_waiting();
    const auto state = [&] {
      return "still waiting for " + order_.lock + " after " + resource::seconds_text(patience_.waited()) +
             ": held by " + holders_text(holders_, world_.wall());
    };
    if (!patience_.pause(std::nullopt, state)) {
      throw StepFailed(order_.lock + " is held by " + holders_text(holders_, world_.wall()) + " (" +
                       patience_.gave_up() + ")");
    }
  }
}

void LockStep::learn(locks::Version version, const std::vector<wire::HoldView>& holders) {
  known_ = version;
  holders_ = holders;
}

void LockStep::tell_waiting() {
  std::string now = marks(holders_);
  if (now == told_) return;
  log_.info("waiting for " + order_.lock + ": held by " + holders_text(holders_, world_.wall()));
  told_ = std::move(now);
}

// 410: nothing that this process does from here on can take the lock.
void LockStep::refuse(const wire::DeniedView& denied) {
  unknown_ = false;
  const std::string lock = order_.lock;
  if (denied.why == "superseded") throw StepFailed("another run of this step has taken over its claim on " + lock);
  if (denied.why == "forgotten") {
    throw StepFailed("this step asked for " + lock +
                     " so long ago that the server cannot tell whether it was unlocked since");
  }
  throw StepFailed("this build unlocked " + lock + " while this step was still waiting for it");
}

void LockStep::answer(const wire::GrantedView& granted, std::ostream& output) {
  tell_granted(granted);
  const std::vector<wire::HoldView> holders = holders_after(granted);
  const std::string revision = original() ? resource::digest(order_.lock, holders) : std::to_string(granted.token);
  resource::write_answer(
      output, resource::version_pairs(order_.source, order_.lock, revision),
      resource::metadata({order_.lock, holders, resource::seconds_text(patience_.waited()), server_url_}));
}

void LockStep::tell_granted(const wire::GrantedView& granted) {
  std::string text = "locked " + order_.lock + " for " + owner_.identity.holder + " after " +
                     resource::seconds_text(patience_.waited());
  if (granted.token != 0) text += ", token " + std::to_string(granted.token);
  if (granted.taken_over) text += " (an earlier run of this step had it already)";
  log_.info(text);
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
    if (resource::current_failure().ended || world_.interrupted()) throw StepEnded();
  }
  return seen_.has_value();
}

// Everybody who holds the lock now. Known without asking when nothing happened between what was read last and
// the grant, as on a free lock.
std::vector<wire::HoldView> LockStep::holders_after(const wire::GrantedView& granted) {
  std::vector<wire::HoldView> holders = holders_;
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
                                                              : "this step holds nothing on " + order_.lock);
      return;
    } catch (...) {
      const resource::Failure failure = resource::current_failure();
      why = failure.text;
      if (!failure.may_pass) break;
    }
  }
  log_.error("could not give " + order_.lock + " back, if it was won: " + why +
             "; an unlock of this build (ensure) frees it");
}

}  // namespace lockkeeper::out
