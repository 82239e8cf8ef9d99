#include "cli/lockcli_exit.h"

#include <array>

#include "client/lock_client.h"
#include "http/client.h"

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

Failure failure(Exit code, const std::string& what, const std::string& next) {
  return {code, what + ": " + next};
}

Failure failure_of(const http::HttpError& error) {
  using Kind = http::HttpError::Kind;
  const std::string what = error.what();
  switch (error.kind) {
    case Kind::bad_url:
      return failure(Exit::usage, what, "give --api-endpoint a URL as http://host:8081");
    case Kind::certificate:
      return failure(Exit::unreachable, what, "give the authority that signed it with --ca-cert FILE");
    case Kind::resolve:
    case Kind::connect:
    case Kind::tls: {
      Failure away = failure(Exit::unreachable, what, "check the API endpoint, and whether the server runs");
      away.may_pass = true;
      return away;
    }
    case Kind::too_large:
      return failure(Exit::stranger, what, "check the API endpoint");
    case Kind::timeout:
    case Kind::broken:
    case Kind::interrupted:
      break;
  }
  Failure unknown = failure(Exit::unknown, what, "ask again, or with a longer --timeout");
  unknown.may_pass = unknown.maybe_done = true;
  return unknown;
}

Failure failure_of(const client::ServerError& error) {
  const std::string what = error.what();
  if (error.status == 401 || error.status == 403) {
    return failure(Exit::credentials, what,
                   "check LOCK_AUTH_USER and LOCK_AUTH_PASS, or user and password in the API endpoint");
  }
  if (error.may_pass()) {
    Failure passing = failure(Exit::unavailable, what, "try again later");
    passing.may_pass = true;
    passing.maybe_done = error.status >= 500;
    passing.retry_after = error.retry_after;
    return passing;
  }
  // An unknown id is none of those: that of a path is.
  if (error.status < 400 || error.status == 404 || error.status == 405) {
    return failure(Exit::stranger, what,
                   "check the API endpoint; on a server's main port it ends in /workflow, as in "
                   "http://host:3000/workflow");
  }
  return failure(Exit::refused, what, "correct what is asked for");
}

}  // namespace

std::span<const ExitMeaning> exit_meanings() {
  return meanings;
}

Failure current_failure() {
  try {
    throw;
  } catch (const http::HttpError& error) {
    return failure_of(error);
  } catch (const client::ServerError& error) {
    return failure_of(error);
  }
}

}  // namespace lockkeeper::cli
