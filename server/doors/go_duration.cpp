#include "server/doors/go_duration.h"

#include <cstdint>
#include <limits>

namespace lockkeeper::server {
namespace {

using Nanoseconds = std::uint64_t;

// A negative duration reaches one further than a positive one.
constexpr Nanoseconds most = Nanoseconds{1} << 63U;

struct Unit {
  std::string_view name;
  Nanoseconds length;
};

constexpr Unit units[] = {{"ns", 1},         {"us", 1'000},        {"\u00b5s", 1'000},    {"\u03bcs", 1'000},
                          {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes "12" from the front of "12.5s". nullopt: too large.
std::optional<Nanoseconds> take_whole(std::string_view& text) {
  Nanoseconds number = 0;
  for (; !text.empty() && digit(text.front()); text.remove_prefix(1)) {
    if (number > most / 10) return std::nullopt;
    number = number * 10 + static_cast<Nanoseconds>(text.front() - '0');
    if (number > most) return std::nullopt;
  }
  return number;
}

// Takes "5" from the front of "5s" and gives the part of 1 it is. Digits beyond what a double tells apart are cut
// off: the longest unit has 13.
double take_fraction(std::string_view& text) {
  double part = 0;
  double scale = 1;
  for (; !text.empty() && digit(text.front()); text.remove_prefix(1)) {
    if (scale > 1e17) continue;
    scale *= 10;
    part = part * 10 + (text.front() - '0');
  }
  return part / scale;
}

// Takes "1.5h" from the front.
std::optional<Nanoseconds> take_part(std::string_view& text) {
  const std::size_t before = text.size();
  const auto whole = take_whole(text);
  bool digits = text.size() != before;
  double fraction = 0;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    const std::size_t after_dot = text.size();
    fraction = take_fraction(text);
    digits = digits || text.size() != after_dot;
  }
  if (!whole || !digits) return std::nullopt;
  std::size_t length = 0;
  while (length < text.size() && text[length] != '.' && !digit(text[length])) ++length;
  const std::string_view name = text.substr(0, length);
  text.remove_prefix(length);
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (*whole > most / unit.length) return std::nullopt;
    return *whole * unit.length + static_cast<Nanoseconds>(fraction * static_cast<double>(unit.length));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_go_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  Nanoseconds sum = 0;
  while (!text.empty()) {
    const auto part = take_part(text);
    if (!part || *part > most || sum + *part > most) return std::nullopt;
    sum += *part;
  }
  if (sum == most && !negative) return std::nullopt;
  // Not by negating a signed number: the most negative one has no opposite.
  return std::chrono::nanoseconds(static_cast<std::int64_t>(negative ? Nanoseconds{0} - sum : sum));
}

}  // namespace lockkeeper::server
