// How long a lease is to live, as stormlock's people write it: "30 minutes", "1d", "90 sec".
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

namespace lockkeeper::cli::stormlock {

struct TtlFault {
  std::string text;  // what is wrong, and what to write instead; begins with the text it is about
};

// digits, blanks, and a beginning of days, hours, minutes or seconds in lower case; nothing before or after. 0 and
// more than 999,999,999 days are faults.
std::variant<std::chrono::seconds, TtlFault> parse_ttl(std::string_view text);

}  // namespace lockkeeper::cli::stormlock
