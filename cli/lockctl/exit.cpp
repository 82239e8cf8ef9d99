#include "cli/lockctl/exit.h"

#include <algorithm>
#include <array>

#include "cli/trouble.h"
#include "client/acquisition.h"

namespace lockkeeper::cli::lockctl {
namespace {

constexpr std::array meanings = {
    ExitMeaning{Exit::done, "done"},
    ExitMeaning{Exit::failed, "lockctl itself failed, as when its output cannot be written"},
    ExitMeaning{Exit::usage, "the command line, the environment or the configuration is wrong"},
    ExitMeaning{Exit::held, "somebody else holds the lock, or waits before you; with --wait: that time is over"},
    ExitMeaning{Exit::not_held, "there was nothing to release"},
    ExitMeaning{Exit::credentials, "the credentials were refused (401, 403)"},
    ExitMeaning{Exit::refused, "the server refused the request (another 4xx)"},
    ExitMeaning{Exit::unavailable, "the server is unavailable or failed (5xx, 429)"},
    ExitMeaning{Exit::unreachable, "the server cannot be reached, or its certificate does not verify"},
    ExitMeaning{Exit::unknown, "no whole answer came in time: it may have been carried out"},
    ExitMeaning{Exit::stranger, "what answered is no Lockkeeper, or an original locker, which cannot do this"},
    ExitMeaning{Exit::over, "somebody ended it meanwhile: released, taken over or forced"},
    ExitMeaning{Exit::run_lost, "run: the lease was lost, and the command ended"},
    ExitMeaning{Exit::run_not_held, "run: the lock is somebody else's, or the time to wait is over"},
    ExitMeaning{Exit::run_failed, "run: any of 1 to 11 but 3; the command was not started"},
    ExitMeaning{Exit::cannot_run, "run: the command cannot be run"},
    ExitMeaning{Exit::no_command, "run: there is no such command"},
    ExitMeaning{Exit::hung_up, "ended by SIGHUP"},
    ExitMeaning{Exit::interrupted, "ended by SIGINT (Ctrl-C)"},
    ExitMeaning{Exit::terminated, "ended by SIGTERM"},
};

struct Answer {
  Trouble::Sort sort;
  Exit code;
  const char* next;
};

constexpr std::array answers = {
    Answer{Trouble::Sort::address, Exit::usage, "give --server a URL as http://host:3000"},
    Answer{Trouble::Sort::credentials, Exit::credentials,
           "set LOCKCTL_USER and LOCKCTL_PASSWORD, or user and password beside server in the configuration file"},
    Answer{Trouble::Sort::refused, Exit::refused, "correct what is asked for"},
    Answer{Trouble::Sort::unavailable, Exit::unavailable, "try again later"},
    Answer{Trouble::Sort::certificate, Exit::unreachable, "give the authority that signed it with --ca-cert FILE"},
    Answer{Trouble::Sort::unreachable, Exit::unreachable,
           "check --server (or LOCKCTL_SERVER), and whether the server runs"},
    Answer{Trouble::Sort::unknown, Exit::unknown, "lockctl show tells what is so now; or take a longer --timeout"},
    Answer{Trouble::Sort::interrupted, Exit::interrupted, "lockctl show tells what is so now"},
    Answer{Trouble::Sort::stranger, Exit::stranger,
           "check --server (or LOCKCTL_SERVER): a server's main port is meant"},
};

}  // namespace

std::span<const ExitMeaning> exit_meanings() {
  return meanings;
}

Failure current_failure() {
  try {
    const Trouble trouble = current_trouble();
    const auto answer =
        std::find_if(answers.begin(), answers.end(), [&](const Answer& one) { return one.sort == trouble.sort; });
    return {answer->code, trouble.what + ": " + answer->next};
  } catch (const Failure& failure) {
    return failure;
  } catch (const client::OriginalServer& original) {
    return {Exit::stranger, original.what()};
  } catch (const std::exception& error) {
    return {Exit::failed, error.what()};
  }
}

}  // namespace lockkeeper::cli::lockctl
