// What went wrong with a request, and whether it may pass.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace lockkeeper::resource {

struct Failure {
  bool may_pass = false;
  bool unknown = false;  // the request may have been carried out
  bool ended = false;    // not a failure: Concourse ended the step
  int sort = 0;          // equal for what is the same to a reader of the log
  std::string text;      // names the server, never with userinfo
  std::optional<std::chrono::seconds> retry_after;
};

// Of the exception being handled. Rethrows what is none of http, client and wire.
Failure current_failure();

}  // namespace lockkeeper::resource
