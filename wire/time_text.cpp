#include "wire/time_text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace lockkeeper::wire {

namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::sys_days;

// Four digits of year are all the format has.
constexpr locks::WallTime earliest = sys_days(std::chrono::year(0) / 1 / 1);
constexpr locks::WallTime latest = locks::WallTime(sys_days(std::chrono::year(10000) / 1 / 1)) - milliseconds(1);

// Digits at the front of `text`, which is shortened by them.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".123456" -> 123 ms; nothing there is 0, a dot without digits a fault.
std::optional<milliseconds> take_fraction(std::string_view& text) {
  if (!take(text, ".")) return milliseconds(0);
  int number = 0;
  int digits = 0;
  while (auto digit = take_digits(text, 1)) {
    if (digits < 3) number = number * 10 + *digit;
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 3; ++digits) number *= 10;
  return milliseconds(number);
}

// "Z" or "+01:30"
std::optional<minutes> take_zone(std::string_view& text) {
  if (take(text, "Zz")) return minutes(0);
  const bool west = !text.empty() && text.front() == '-';
  if (!take(text, "+-")) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  const minutes offset(*hour * 60 + *minute);
  return west ? -offset : offset;
}

}  // namespace

std::string time_text(locks::WallTime time) {
  time = std::clamp(time, earliest, latest);
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 80> text;
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                    static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<locks::WallTime> parse_time(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !take(text, "Tt")) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second) return std::nullopt;
  const auto fraction = take_fraction(text);
  if (!fraction) return std::nullopt;
  const auto zone = take_zone(text);
  if (!zone || !text.empty()) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  // A leap second (60) is read as the second after it.
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return locks::WallTime(sys_days(date)) + std::chrono::hours(*hour) + minutes(*minute) +
         std::chrono::seconds(*second) + *fraction - *zone;
}

}  // namespace lockkeeper::wire
