#include "out/unlock_step.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "out/fetched_claim.h"

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

const wire::ClaimView* find_claim(const wire::LockView& view, const std::string& name) {
  const auto at = std::find_if(view.claims.begin(), view.claims.end(),
                               [&](const wire::ClaimView& claim) { return claim.claim == name; });
  return at == view.claims.end() ? nullptr : &*at;
}

wire::ReleasedView nothing(const wire::LockView& view) {
  wire::ReleasedView released;
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
  if (params.any_build || params.from || (params.all && params.key)) {
    throw StepFailed(order_.lock + " is held with another key, by " + who);
  }
  // This build's claim is named after its key: where another key holds, there is no claim of this build.
  wire::ReleasedView none;
  none.version = denied.version;
  none.holders = denied.holders;
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
  if (fetched.claim.empty()) throw StepFailed("params.from holds a lock that was fetched without a claim");
  client::Identity identity{fetched.key.empty() ? order_.params.key.value_or("") : fetched.key, fetched.holder};
  if (identity.key.empty()) {
    const wire::LockView view = lock();
    if (find_claim(view, fetched.claim) == nullptr) return nothing(view);
    throw StepFailed("the fetched claim of " + fetched.holder +
                     " is locked with a key that the get step was not "
                     "given: give it here or there as params.key");
  }
  return by_claim(identity, fetched.claim);
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

void UnlockStep::answer(const wire::ReleasedView& released, std::ostream& output) {
  const bool original = server_.kind() == client::ServerKind::original;
  const std::string left =
      released.holders.empty() ? "it is free" : "it is held by " + holders_text(released.holders, world_.wall());
  if (released.released == 0) {
    log_.info((order_.params.any_build || order_.params.all || order_.params.from ? owner_.identity.holder
                                                                                  : std::string("this build")) +
              " holds nothing on " + order_.lock + ": " + left);
  } else {
    log_.info("unlocked " + order_.lock + ": " + left);
  }
  if (original)
    log_.info(server_url_ + " is an original locker server: an unlock there ends all holds of its holder");
  const std::string revision =
      original ? resource::digest(order_.lock, released.holders) : std::to_string(released.version);
  resource::write_answer(output, resource::version_pairs(order_.source, order_.lock, revision),
                         resource::metadata({order_.lock, released.holders, "", server_url_}));
}

}  // namespace lockkeeper::out
