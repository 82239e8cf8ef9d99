#include "cli/stormlock/ttl.h"

#include <algorithm>
#include <array>

namespace lockkeeper::cli::stormlock {
namespace {

using std::chrono::seconds;

struct Unit {
  std::string_view name;
  seconds length;
};

// The first that begins with the text is meant.
constexpr std::array units = {Unit{"days", std::chrono::days(1)}, Unit{"hours", std::chrono::hours(1)},
                              Unit{"minutes", std::chrono::minutes(1)}, Unit{"seconds", seconds(1)}};

// The original's limit: a day less than what its durations hold.
constexpr seconds longest = std::chrono::days(1'000'000'000) - seconds(1);

TtlFault fault(std::string_view text, const char* what) {
  return {'"' + std::string(text) + "\" " + what};
}

}  // namespace

std::variant<seconds, TtlFault> parse_ttl(std::string_view text) {
  const std::size_t blanks = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::size_t unit = std::min(text.find_first_not_of(' ', blanks), text.size());
  const std::string_view name = text.substr(unit);
  const auto meant = std::find_if(units.begin(), units.end(),
                                  [&](const Unit& one) { return !name.empty() && one.name.starts_with(name); });
  if (blanks == 0 || meant == units.end()) {
    return fault(
        text, "is no time: write a whole number and days, hours, minutes or seconds, as in \"30 minutes\" or 1h");
  }
  seconds::rep number = 0;
  for (const char digit : text.substr(0, blanks)) {
    number = number * 10 + (digit - '0');
    if (number > longest / meant->length)
      return fault(text, "is too long: a lease lives for 999999999 days at most");
  }
  if (number == 0) return fault(text, "is no time for a lease: give it a second at least");
  return number * meant->length;
}

}  // namespace lockkeeper::cli::stormlock
