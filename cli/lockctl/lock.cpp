#include <unistd.h>

#include "cli/lockctl/commands.h"
#include "cli/lockctl/exit.h"
#include "cli/lockctl/lock_json.h"
#include "cli/lockctl/own_claim.h"
#include "cli/lockctl/words.h"
#include "cli/shown/progress.h"
#include "cli/shown/text.h"
#include "cli/shown/waiting.h"
#include "client/acquisition.h"
#include "locks/duration.h"

namespace lockkeeper::cli::lockctl {
namespace {

using client::Acquisition;
using std::chrono::milliseconds;

// To be typed as it stands: with what was told by options here, but for the key, which may be a secret.
std::string unlock_command(const Session& session) {
  std::string command = "lockctl unlock " + quoted(session.lock());
  for (const char* flag : {"server", "ca-cert", "config", "as", "claim"}) {
    if (session.line.has(flag)) command += std::string(" --") + flag + " " + quoted(session.line.text(flag));
  }
  return command + (session.line.has("key") ? " --key KEY" : "");
}

int say(const Session& session, const OwnClaim& own, const wire::GrantedView& granted) {
  if (session.json()) {
    session.out << json_of(session.lock(), own.identity.holder, granted) << '\n';
    return 0;
  }
  const bool before = granted.again || granted.taken_over;
  session.out << harmless(session.lock()) << (before ? " was yours already" : " is yours") << ": held as "
              << harmless(own.identity.holder) << ", token " << granted.token << '\n';
  if (!granted.others.empty()) session.out << "you hold it under another claim, too: see lockctl show\n";
  std::optional<milliseconds> end = granted.ttl;
  if (granted.max_hold && (!end || *granted.max_hold < *end)) end = granted.max_hold;
  session.out << "give it back with: " << harmless(unlock_command(session)) << '\n'
              << (end ? "it frees itself in " + locks::exact_duration(*end) : "it stands until it is unlocked")
              << '\n';
  return 0;
}

int say(const Session& session, const OwnClaim& own, const Acquisition::Held& held) {
  const wire::DeniedView& denied = held.denied;
  if (session.json()) session.out << json_of(session.lock(), denied) << '\n';
  std::string text = harmless(session.lock()) + " is ";
  text += denied.holders.empty() ? "free, but others wait for it" : "held by " + holders_text(denied.holders);
  const bool own_name = !denied.holders.empty() && denied.holders.front().holder == own.identity.holder;
  if (own_name) {
    text += ", by this name but another claim or key: say the same --claim and --key as then";
  } else {
    text += session.line.has("wait") ? ": the time to wait is over; try again with a longer --wait"
                                     : ": wait for your turn with --wait";
  }
  session.warn(text);
  return static_cast<int>(Exit::held);
}

int say(const Session& session, const OwnClaim&, const Acquisition::Over& over) {
  if (session.json()) session.out << json_of(session.lock(), over.denied) << '\n';
  session.warn(harmless(session.lock()) + " is not yours: " + harmless(over.why) + "; lockctl history " +
               quoted(harmless(session.lock())) + " tells by whom");
  return static_cast<int>(Exit::over);
}

int say(const Session&, const OwnClaim&, const Acquisition::Interrupted&) {
  return static_cast<int>(Exit::interrupted);  // by which signal, lockctl() knows
}

// Who is not told that a lock is held will not unlock it.
[[noreturn]] void untold(const Session& session, Acquisition& acquisition) {
  const std::string fault = "the output cannot be written", name = harmless(session.lock());
  if (!acquisition.give_back()) {
    throw Failure(Exit::failed, fault + ", and " + name + " is held: " + unlock_command(session));
  }
  if (session.interrupt->raised())
    throw Failure(Exit::interrupted, "given back");  // by which signal, lockctl() knows
  throw Failure(Exit::failed, fault + ", so that " + name + " was given back: check where it goes");
}

Acquisition::End outcome(const Session& session, Acquisition& acquisition, Progress& progress) {
  const auto over = [&] {
    progress.end();
    if (!acquisition.may_stand()) return;
    session.warn(harmless(session.lock()) + " may be held still: lockctl show " + quoted(harmless(session.lock())));
  };
  try {
    Acquisition::End end = acquisition.run(session.interrupt);
    over();
    return end;
  } catch (...) {
    over();
    throw;
  }
}

}  // namespace

int lock(Session& session) {
  const OwnClaim own = own_claim(session);
  Acquisition::Order order{.lock = session.lock(),
                           .identity = own.identity,
                           .claim = own.claim,
                           .metadata = metadata_of(session.line),
                           .ttl = session.line.duration("ttl"),
                           .wait = wait_of(session.line),
                           .patience = session.configuration.api.request_timeout};
  Progress progress(terminal_of(STDERR_FILENO, session.environment),
                    [&](std::string_view text) { session.err << text << std::flush; });
  Waiting waiting(session.lock(), progress);
  Acquisition acquisition(session.client(), std::move(order), waiting.listener());
  const Acquisition::End end = outcome(session, acquisition, progress);
  if (const auto* granted = std::get_if<Acquisition::Granted>(&end)) {
    const int code = say(session, own, granted->view);
    session.out << std::flush;
    if (!session.out) untold(session, acquisition);
    session.done = true;
    return code;
  }
  if (const auto* held = std::get_if<Acquisition::Held>(&end)) return say(session, own, *held);
  if (const auto* over = std::get_if<Acquisition::Over>(&end)) return say(session, own, *over);
  return say(session, own, Acquisition::Interrupted());
}

}  // namespace lockkeeper::cli::lockctl
