#include "client/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace lockkeeper::client {

namespace {

constexpr std::chrono::seconds longest = std::chrono::hours(24);

constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// "Sun, 06 Nov 1994 08:49:37 GMT": the one form that senders may still use. Not strptime(), which follows the
// locale.
std::optional<std::chrono::sys_seconds> parse_http_date(const std::string& text) {
  char weekday[4], month[4];
  int year = 0, hour = 0, minute = 0, second = 0, end = 0;
  unsigned day = 0;
  if (std::sscanf(text.c_str(), "%3[A-Za-z], %2u %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", weekday, &day, month, &year,
                  &hour, &minute, &second, &end) != 7 ||
      end == 0 || static_cast<std::size_t>(end) != text.size()) {
    return std::nullopt;
  }
  const auto found = std::find_if(months.begin(), months.end(),
                                  [&month](const char* name) { return std::strcmp(name, month) == 0; });
  if (found == months.end() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(found - months.begin()) + 1),
                                         std::chrono::day(day));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace

std::optional<std::chrono::seconds> parse_retry_after(const std::string& text, std::chrono::sys_seconds now) {
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string::npos) {
    long seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc()) return longest;  // more digits than fit
    return std::min(std::chrono::seconds(seconds), longest);
  }
  const auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return std::clamp(*date - now, std::chrono::seconds(0), longest);
}

}  // namespace lockkeeper::client
