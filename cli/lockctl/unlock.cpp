#include <algorithm>

#include "cli/lockctl/commands.h"
#include "cli/lockctl/exit.h"
#include "cli/lockctl/lock_json.h"
#include "cli/lockctl/own_claim.h"
#include "cli/lockctl/words.h"
#include "cli/shown/text.h"

namespace lockkeeper::cli::lockctl {
namespace {

using Released = std::variant<wire::ReleasedView, wire::DeniedView>;

std::string whose_now(const std::vector<wire::HoldView>& holders) {
  return holders.empty() ? "it is free now" : "it is held by " + holders_text(holders) + " now";
}

// What became of a claim that was not there to be released.
std::string ended_text(const std::string& ended) {
  if (ended == "lapsed") return "your claim had lapsed: its ttl was over";
  if (ended == "forced") return "your claim had been ended by force (lockctl history tells by whom, and why)";
  return "you had nothing there";
}

// `waited`: there was a place in the queue under that name; closing one that was nowhere is a withdrawal, too.
int say(const Session& session, const wire::ReleasedView& released, bool waited) {
  if (session.json()) session.out << json_of(session.lock(), released) << '\n';
  const std::string name = harmless(session.lock());
  if (released.released == 0 && !(released.withdrawn && waited)) {
    session.warn("nothing was released: " + ended_text(released.ended) + "; " + name + ": " +
                 whose_now(released.holders) + ". Whoever took it says the same --as, --key and --claim as then");
    return static_cast<int>(Exit::not_held);
  }
  if (session.json()) return 0;
  session.out << name << ": "
              << (released.released == 0   ? "your place in the queue is given up"
                  : released.released == 1 ? "released"
                                           : "released " + std::to_string(released.released) + " claims")
              << "; " << whose_now(released.holders) << '\n';
  return 0;
}

int say(const Session& session, const wire::DeniedView& denied, bool) {
  if (session.json()) session.out << json_of(session.lock(), denied) << '\n';
  session.warn("not released: " + harmless(session.lock()) + " is held by " + holders_text(denied.holders) +
               " with another key: say the --key that it was locked with, or see lockctl force-release --help");
  return static_cast<int>(Exit::held);
}

}  // namespace

int unlock(Session& session) {
  const OwnClaim own = own_claim(session);
  client::LockClient& client = session.client();
  const wire::LockView before = looked_up(client, session, "unlock");
  const bool waited = std::any_of(before.queue.begin(), before.queue.end(),
                                  [&](const wire::WaiterView& one) { return one.claim == own.claim; });
  const Released end = session.line.has("all") ? client.release(session.lock(), own.identity, true)
                                               : client.release_claim(session.lock(), own.identity, own.claim);
  return std::visit([&](const auto& view) { return say(session, view, waited); }, end);
}

int force_release(Session& session) {
  const std::string reason = session.line.text("reason");
  if (reason.empty()) throw Failure(Exit::usage, "say why, for its history: --reason TEXT");
  client::LockClient& client = session.client();
  looked_up(client, session, "force-release");
  const wire::ReleasedView released = client.force_release(session.lock(), reason);
  if (session.json()) session.out << json_of(session.lock(), released) << '\n';
  const std::string name = harmless(session.lock());
  if (released.released == 0) {
    session.warn("nothing was released: " + name + " was free");
    return static_cast<int>(Exit::not_held);
  }
  if (session.json()) return 0;
  session.out << name << ": " << released.released << (released.released == 1 ? " claim" : " claims") << " ended; "
              << whose_now(released.holders) << '\n';
  return 0;
}

}  // namespace lockkeeper::cli::lockctl
