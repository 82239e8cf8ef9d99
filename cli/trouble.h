// What went wrong between a command line tool and its server, sorted by what a person can do about it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace lockkeeper::cli {

struct Trouble {
  enum class Sort {
    address,      // it is no URL that can be asked
    credentials,  // refused: 401, 403
    refused,      // another 4xx
    unavailable,  // 5xx, 429
    certificate,  // does not verify
    unreachable,
    unknown,      // no whole answer came: it may have been carried out
    interrupted,  // by a signal to the tool: likewise
    stranger      // what answered speaks another language
  };
  Sort sort = Sort::unknown;
  std::string what;
  bool may_pass = false;    // asking again may help
  bool maybe_done = false;  // it may have been carried out
  std::optional<std::chrono::seconds> retry_after;
};

// Of the exception being handled. Rethrows what is none of http and client.
Trouble current_trouble();

}  // namespace lockkeeper::cli
