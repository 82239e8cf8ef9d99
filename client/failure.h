// What went wrong with a request, and whether it may pass.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace lockkeeper::client {

struct Failure {
  bool may_pass = false;  // trying again may help
  bool unknown = false;   // the request may have been carried out
  bool ended = false;     // not a failure: the interrupt was raised
  int sort = 0;           // equal for what is the same to a reader
  std::string text;       // names the server, never with userinfo
  std::optional<std::chrono::seconds> retry_after;
};

// Of the exception being handled. Rethrows what is none of http, client and wire.
Failure current_failure();

}  // namespace lockkeeper::client
