#include "cli/lockcli_exit.h"

#include <algorithm>
#include <array>

#include "cli/trouble.h"

namespace lockkeeper::cli {
namespace {

constexpr std::array meanings = {
    ExitMeaning{Exit::done, "done"},
    ExitMeaning{Exit::own, "lockcli itself failed, as when its output cannot be written"},
    ExitMeaning{Exit::usage, "the command line or the environment is wrong"},
    ExitMeaning{Exit::not_found, "no lock has this id"},
    ExitMeaning{Exit::credentials, "the credentials were refused (401, 403)"},
    ExitMeaning{Exit::refused, "the server refused the request (another 4xx)"},
    ExitMeaning{Exit::unavailable, "the server is unavailable or failed (5xx, 429)"},
    ExitMeaning{Exit::unreachable, "the server cannot be reached, or its certificate does not verify"},
    ExitMeaning{Exit::unknown, "no whole answer came in time: it may have been carried out"},
    ExitMeaning{Exit::stranger, "what answered is no server of workflow locks"},
};

struct Answer {
  Trouble::Sort sort;
  Exit code;
  const char* next;
};

constexpr const char* again = "ask again, or with a longer --timeout";
constexpr std::array answers = {
    Answer{Trouble::Sort::address, Exit::usage, "give --api-endpoint a URL as http://host:8081"},
    Answer{Trouble::Sort::credentials, Exit::credentials,
           "check LOCK_AUTH_USER and LOCK_AUTH_PASS, or user and password in the API endpoint"},
    Answer{Trouble::Sort::refused, Exit::refused, "correct what is asked for"},
    Answer{Trouble::Sort::unavailable, Exit::unavailable, "try again later"},
    Answer{Trouble::Sort::certificate, Exit::unreachable, "give the authority that signed it with --ca-cert FILE"},
    Answer{Trouble::Sort::unreachable, Exit::unreachable, "check the API endpoint, and whether the server runs"},
    Answer{Trouble::Sort::unknown, Exit::unknown, again},
    Answer{Trouble::Sort::interrupted, Exit::unknown, again},
    // An unknown id is none of those: that of a path is.
    Answer{Trouble::Sort::stranger, Exit::stranger,
           "check the API endpoint; on a server's main port it ends in /workflow, as in http://host:3000/workflow"},
};

}  // namespace

std::span<const ExitMeaning> exit_meanings() {
  return meanings;
}

Failure current_failure() {
  const Trouble trouble = current_trouble();
  const auto answer =
      std::find_if(answers.begin(), answers.end(), [&](const Answer& one) { return one.sort == trouble.sort; });
  Failure failure(answer->code, trouble.what + ": " + answer->next);
  failure.may_pass = trouble.may_pass;
  failure.maybe_done = trouble.maybe_done;
  failure.retry_after = trouble.retry_after;
  return failure;
}

}  // namespace lockkeeper::cli
