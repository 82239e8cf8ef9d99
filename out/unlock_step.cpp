#include "out/unlock_step.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "out/fetched_claim.h"
#include "resource/standing.h"

namespace lockkeeper::out {

using resource::holders_text;
using resource::StepFailed;

namespace {

std::uint64_t count_of(const wire::LockView& view, const std::string& holder) {
  for (const wire::HoldView& hold : view.holders) {
    if (hold.holder == holder) return hold.count;
  }
  return 0;
}

constexpr std::size_t kPage = 100;  // lines of history a request

bool holds(const std::vector<wire::HoldView>& holders, const std::string& holder) {
  return std::any_of(holders.begin(), holders.end(),
                     [&](const wire::HoldView& hold) { return hold.holder == holder; });
}

wire::ReleasedView nothing(const wire::LockView& view, const std::string& ended = "") {
  wire::ReleasedView released;
  released.ended = ended;
  released.version = view.version;
  released.holders = view.holders;
  return released;
}

}  // namespace

UnlockStep::UnlockStep(resource::World& world, resource::BuildLog& log, resource::LockServer& server,
                       resource::Patience& patience, Order order)
    : world_(world),
      log_(log),
      server_(server),
      patience_(patience),
      order_(std::move(order)),
      server_url_(http::without_userinfo(order_.source.locker_uri)),
      owner_(resource::owner(order_.build, order_.lock, order_.params.key, order_.params.holder)) {}

template <class Ask>
auto UnlockStep::ask(Ask ask_once) {
  return patience_.ask(server_url_, [&](std::chrono::milliseconds timeout) {
    server_.set_request_timeout(timeout);
    return ask_once();
  });
}

wire::LockView UnlockStep::lock() {
  return ask([&] { return server_.lock(order_.lock); });
}

void UnlockStep::run(std::ostream& output) {
  const resource::OutParams& params = order_.params;
  const Answer result = params.from        ? release_from()
                        : params.all       ? release_all()
                        : params.any_build ? release_oldest()
                                           : release_own();
  if (const auto* released = std::get_if<wire::ReleasedView>(&result)) {
    answer(*released, output);
    return;
  }
  wire::DeniedView denied = std::get<wire::DeniedView>(result);
  if (denied.holders.empty()) denied.holders = lock().holders;  // an original does not say
  const std::string who = holders_text(denied.holders, world_.wall());
  // This build's claim is named after its key: where another key holds, there is no claim of this build. What was
  // asked for by a holder's name is there, though, if that holder is.
  const bool named = params.any_build || (params.all && (params.key || params.holder));
  if (params.from || (named && holds(denied.holders, owner_.identity.holder))) {
    throw StepFailed(order_.lock + " is held with another key, by " + who);
  }
  wire::ReleasedView none;
  none.version = denied.version;
  none.holders = denied.holders;
  other_key_ = true;
  answer(none, output);
}

UnlockStep::Answer UnlockStep::by_claim(const client::Identity& identity, const std::string& claim) {
  return ask([&] { return server_.release_claim(order_.lock, identity, claim); });
}

UnlockStep::Answer UnlockStep::release_own() {
  return by_claim(owner_.identity, owner_.claim);
}

UnlockStep::Answer UnlockStep::release_all() {
  return ask([&] { return server_.release(order_.lock, owner_.identity, true); });
}

UnlockStep::Answer UnlockStep::release_from() {
  const FetchedClaim fetched = read_fetched(order_.inputs + "/" + *order_.params.from);
  if (fetched.lock != order_.lock) {
    throw StepFailed("params.from holds a fetched lock named " + fetched.lock + ", not " + order_.lock);
  }
  if (fetched.claim.empty() || fetched.token == 0) {
    throw StepFailed("params.from holds a lock that was fetched without a claim");
  }
  // The claim's name alone would also free what that build locked later.
  const wire::LockView view = lock();
  const bool stands = resource::standing(view, fetched.claim, fetched.token, [&](locks::Version after) {
    return ask([&] { return server_.history(order_.lock, after, kPage, false); });
  });
  if (!stands) return nothing(view, how_it_ended(fetched));
  client::Identity identity{fetched.key.empty() ? order_.params.key.value_or("") : fetched.key, fetched.holder};
  if (identity.key.empty()) {
    throw StepFailed("the fetched claim of " + fetched.holder +
                     " is locked with a key that the get step was not "
                     "given: give it here or there as params.key");
  }
  return by_claim(identity, fetched.claim);
}

// How a hold that was fetched ended, as history tells; empty: released, or not known any more.
std::string UnlockStep::how_it_ended(const FetchedClaim& fetched) {
  for (locks::Version after = fetched.token; server_.kind() != client::ServerKind::original;) {
    const wire::HistoryView page = ask([&] { return server_.history(order_.lock, after, kPage, false); });
    if (page.events.empty() || page.oldest > after + 1) break;
    for (const locks::Event& event : page.events) {
      if (event.what == locks::What::forced) return "forced";  // it ends all that stand
      if (event.claim != fetched.claim) continue;
      if (event.what == locks::What::lapsed) return "lapsed";
      if (event.what == locks::What::released || event.what == locks::What::withdrawn) return {};
    }
    after = page.events.back().version;
  }
  return {};
}

// The claim's name makes a repeated request harmless. An unnamed claim has none: whether a request whose answer
// was lost took effect shows in what is left.
UnlockStep::Answer UnlockStep::release_oldest() {
  const std::string& holder = owner_.identity.holder;
  std::optional<std::uint64_t> before;
  return ask([&]() -> Answer {
    const wire::LockView view = server_.lock(order_.lock);
    const std::uint64_t count = count_of(view, holder);
    if (before && count < *before) {
      wire::ReleasedView released = nothing(view);
      released.released = *before - count;
      return released;
    }
    const auto oldest = std::find_if(view.claims.begin(), view.claims.end(),
                                     [&](const wire::ClaimView& claim) { return claim.holder == holder; });
    if (oldest == view.claims.end() && count == 0 && !view.held) return nothing(view);
    before = count;
    if (oldest != view.claims.end() && !oldest->claim.empty()) {
      return server_.release_claim(order_.lock, owner_.identity, oldest->claim);
    }
    return server_.release(order_.lock, owner_.identity, false);
  });
}

// What was to be guarded by the lock went on without it: nobody may overlook that.
void UnlockStep::warn_of_early_end(const std::string& ended) {
  const std::string rule(72, '!');
  log_.warn(rule);
  if (ended == "lapsed") {
    log_.warn("THE LOCK " + order_.lock +
              " HAD LAPSED before this unlock: its ttl, or the server's max_hold, was over.");
  } else {
    log_.warn("THE LOCK " + order_.lock +
              " HAD BEEN TAKEN AWAY before this unlock: an operator released it by force.");
  }
  log_.warn(
      "Somebody else may have held it while this build was still at work: look at what it guards, and at the");
  log_.warn("lock's history (GET " + server_url_ + "/lock/" + http::encode_segment(order_.lock) + "/history).");
  if (ended == "lapsed") log_.warn("A longer params.ttl of the put that locks keeps it from happening again.");
  log_.warn(rule);
}

// A job that unlocks what another build locked would leave it locked for ever, and nobody would hear of it.
void UnlockStep::warn_of_what_stays(const std::vector<wire::HoldView>& holders) {
  if (order_.params.from || holders.empty()) return;
  const std::string& holder = owner_.identity.holder;
  std::string how;
  if (holds(holders, holder)) {
    how = other_key_ ? "by this very holder, but with another key" : "by this very holder";
  } else if (same_key(holders)) {
    how = "with this very key, by " + holders_text(holders, world_.wall());
  } else {
    return;
  }
  log_.warn("nothing was unlocked, and " + order_.lock + " stays locked " + how +
            ": an unlock frees its own build's claim alone; to free what another build locked, give it the same "
            "key and lock_by as its lock has, and any_build: true");
}

// As far as can be known without changing anything: a server that took the release of a holder that holds nothing
// has compared the keys, and a claim of a build is named after its key.
bool UnlockStep::same_key(const std::vector<wire::HoldView>& holders) {
  if (other_key_ || holders.empty()) return false;
  if (order_.params.any_build || order_.params.all || server_.kind() == client::ServerKind::original) return true;
  if (!order_.params.key) return false;  // this build's own, which nobody else has
  try {
    const wire::LockView view = server_.lock(order_.lock);
    return std::any_of(view.claims.begin(), view.claims.end(), [&](const wire::ClaimView& claim) {
      const std::string build = resource::metadata_value(claim.metadata, "build");
      return !build.empty() && claim.claim == resource::claim_name(order_.build.concourse, build, order_.lock,
                                                                   {owner_.identity.key, claim.holder});
    });
  } catch (...) {
    client::current_failure();  // the unlock itself has got through
    return false;
  }
}

void UnlockStep::answer(const wire::ReleasedView& released, std::ostream& output) {
  const bool original = server_.kind() == client::ServerKind::original;
  const std::string left =
      released.holders.empty() ? "it is free" : "it is held by " + holders_text(released.holders, world_.wall());
  if (released.ended == "lapsed" || released.ended == "forced") warn_of_early_end(released.ended);
  if (released.released == 0) {
    warn_of_what_stays(released.holders);
    log_.info((order_.params.any_build || order_.params.all || order_.params.from ? owner_.identity.holder
                                                                                  : std::string("this build")) +
              " holds nothing on " + order_.lock + ": " + left);
  } else {
    log_.info("unlocked " + order_.lock + ": " + left);
  }
  if (original) {
    const bool shared = !released.holders.empty() && !other_key_;  // it would have refused another key
    log_.info(server_url_ + " is an original locker server: an unlock there ends all holds of its holder" +
              (shared ? ", and none of another lock_by with the same key" : ""));
  }
  const std::string revision =
      original ? resource::digest(order_.lock, released.holders) : std::to_string(released.version);
  resource::write_answer(output, resource::version_pairs(order_.source, order_.lock, revision),
                         resource::metadata({order_.lock, released.holders, "", server_url_}));
}

}  // namespace lockkeeper::out
