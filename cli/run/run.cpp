#include "cli/run/run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>

#include "cli/run/controlling_terminal.h"
#include "cli/run/giving_back.h"
#include "cli/run/guarded_command.h"
#include "cli/run/job.h"
#include "cli/run/processes.h"
#include "cli/run/signals.h"
#include "cli/shown/text.h"
#include "cli/shown/waiting.h"
#include "client/acquisition.h"
#include "client/keep_alive.h"
#include "locks/duration.h"

namespace lockkeeper::cli::run {
namespace {

using client::Acquisition;
using client::BootClock;
using client::KeepAlive;

// How long giving back is tried, the lease's end permitting; and when it is lost, so that it is hardly worth it.
constexpr std::chrono::seconds kGiveBack{10};
constexpr std::chrono::seconds kGiveBackLost{1};

// Before anything else is opened.
struct Streams {
  Streams() { keep_streams(); }
};

class Run {
 public:
  Run(const RunOrder& order, const client::Settings& settings, const Environment& environment, std::ostream& err)
      : order_(completed(order)),
        settings_(settings),
        environment_(environment),
        err_(err),
        held_{order_.lock, order_.identity, order_.claim, ""},
        command_({order_.words, terminal_.descriptor(), signals_.before(),
                  [this](const std::string& note) { bereaved(note); }}) {}

  int run() {
    client::LockClient client(settings_);
    const auto taken = take(client);
    if (const int* code = std::get_if<int>(&taken)) return *code;
    const auto& granted = std::get<Acquisition::Granted>(taken);
    try {
      const auto [code, lost] = hold(granted);
      give_back(client, lost);
      return code;
    } catch (...) {
      command_.finish();
      give_back(client, false);
      throw;
    }
  }

 private:
  RunOrder completed(RunOrder order) {
    own_claim_ = order.claim.empty();
    if (own_claim_) order.claim = "lockctl run " + client::new_request_id();
    if (order.identity.key.empty()) order.identity.key = "lockctl run " + client::new_request_id();
    return order;
  }

  void say(const std::string& sentence) const { err_ << "lockctl: " << harmless(sentence) << std::endl; }

  // Or the exit code.
  std::variant<Acquisition::Granted, int> take(client::LockClient& client) {
    Progress progress(terminal_of(STDERR_FILENO, environment_),
                      [this](std::string_view text) { err_ << text << std::flush; });
    Waiting waiting(order_.lock, progress);
    Acquisition acquisition(client,
                            {.lock = order_.lock,
                             .identity = order_.identity,
                             .claim = order_.claim,
                             .metadata = order_.metadata,
                             .ttl = order_.ttl,
                             .wait = order_.wait,
                             .patience = settings_.request_timeout},
                            waiting.listener());
    EndBySignal end(signals_);
    auto how = acquisition.run(&end.interrupt());
    // Before anything is written: a terminal may stand still, and a signal come meanwhile.
    const int number = end.over();
    if (auto* granted = std::get_if<Acquisition::Granted>(&how)) {
      if (number != 0) {
        acquisition.give_back();
        return 128 + number;
      }
      // Somebody else may come under a name that was given.
      if (!own_claim_) held_.request = granted->view.request;
      progress.end();
      return std::move(*granted);
    }
    progress.end();
    if (std::holds_alternative<Acquisition::Interrupted>(how)) return 128 + number;
    if (const auto* over = std::get_if<Acquisition::Over>(&how)) {
      say(order_.lock + ": " + over->why);
      return exit_failed;
    }
    const auto& denied = std::get<Acquisition::Held>(how).denied;
    say(order_.lock + " is " + state_text(denied, Waiting::wall_clock()) +
        (order_.wait ? ": it did not come free within " + locks::exact_duration(*order_.wait)
                     : ": --wait 10m waits for it, first come, first served"));
    return exit_not_held;
  }

  struct Ended {
    int code;
    bool lost;
  };

  // From the grant until nothing of the command is left.
  Ended hold(const Acquisition::Granted& granted) {
    const auto ttl = granted.view.ttl.value_or(order_.ttl);
    const Spans spans = spans_of(std::min(ttl, granted.view.max_hold.value_or(ttl)), order_.grace);
    http::Interrupt lost;
    signals_.with_stops();  // before there is another thread, which could be stopped instead
    KeepAlive keep(settings_, client::lease(order_.lock, order_.identity.key, granted.view, granted.asked),
                   {.margin = spans.grace + spans.margin,
                    .lost = [&](const std::string&) { lost.raise(); },
                    .renewed = [&](Time lost_at) { command_.put_off(lost_at); }});
    if (!keep.sure()) {
      say("the lease on " + order_.lock + " is lost: " + keep.why() + ": '" + order_.words.front() +
          "' was not started");
      return {exit_lost, true};
    }
    if (const int number = signals_.next_end()) return {128 + number, false};
    const std::string token = std::to_string(granted.view.token);
    command_.start({.environment = {{"LOCK_NAME", order_.lock}, {"LOCK_TOKEN", token}, {"LOCK_REVISION", token}},
                    .note = held_.request,
                    .spans = spans,
                    .term_at = keep.lost_at()});
    Job job(command_, signals_, terminal_);
    job.wait(lost, [&] {
      // Not for want of an answer, but since it may be somebody else's already.
      if (BootClock::now() < keep.lost_at()) command_.end_now(std::min(spans.grace, milliseconds(1000)));
      const std::string why = keep.why();
      say("the lease on " + order_.lock + " is lost: " + (why.empty() ? "its time is over" : why) + ": '" +
          order_.words.front() + "' is ended");
    });
    if (job.lost()) return {exit_lost, true};
    if (const auto fault = job.fault()) {
      say(order_.words.front() + ": " + std::strerror(*fault));
      return {*fault == ENOENT ? exit_no_command : exit_cannot_run, false};
    }
    if (command_.unguarded()) {
      say("its guard was killed, so that '" + order_.words.front() + "' was ended");
      return {exit_lost, false};
    }
    const int status = job.status();
    return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), false};
  }

  void give_back(client::LockClient& client, bool lost) {
    const EndBySignal end(signals_);
    const auto patience = lost ? kGiveBackLost : std::min<milliseconds>(kGiveBack, order_.ttl);
    const auto fault = run::give_back(client, held_, BootClock::now() + patience, &end.interrupt());
    if (!fault || lost) return;
    say(order_.lock + " could not be given back: " + *fault + ": its ttl ends the hold within " +
        locks::exact_duration(order_.ttl));
  }

  // In the guard.
  void bereaved(const std::string& request) {
    if (!own_claim_ && request.empty()) return;
    held_.request = request;
    client::LockClient client(settings_);
    run::give_back(client, held_, BootClock::now() + std::min<milliseconds>(kGiveBack, order_.ttl), nullptr);
  }

  bool own_claim_ = false;
  const RunOrder order_;
  const client::Settings& settings_;
  const Environment& environment_;
  std::ostream& err_;
  Held held_;
  const Streams streams_;
  Signals signals_;
  ControllingTerminal terminal_;
  GuardedCommand command_;
};

}  // namespace

int run(const RunOrder& order, const client::Settings& settings, const Environment& environment,
        std::ostream& err) {
  return Run(order, settings, environment, err).run();
}

}  // namespace lockkeeper::cli::run
