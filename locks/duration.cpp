#include "locks/duration.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

namespace lockkeeper::locks {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  double milliseconds;
};

constexpr std::array<Unit, 9> kGoUnits = {{{"ns", 1e-6},
                                           {"us", 1e-3},
                                           {"\u00b5s", 1e-3},
                                           {"\u03bcs", 1e-3},
                                           {"ms", 1.0},
                                           {"s", 1e3},
                                           {"m", 6e4},
                                           {"h", 3.6e6},
                                           {"", 0}}};
constexpr double kLongest = 100.0 * 365 * 24 * 3.6e6;

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes "12", "1.5" or ".5" from the front; nullopt: there is no number.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  double scale = 1;
  bool any = false;
  bool fraction = false;
  while (!text.empty() && (digit(text.front()) || (text.front() == '.' && !fraction))) {
    if (text.front() == '.') {
      fraction = true;
    } else {
      any = true;
      const int number = text.front() - '0';
      if (fraction) {
        scale /= 10;
        value += number * scale;
      } else {
        value = value * 10 + number;
      }
    }
    text.remove_prefix(1);
  }
  return any ? std::optional<double>(value) : std::nullopt;
}

DurationFault fault_of(std::string_view text) {
  return {"\"" + std::string(text.substr(0, 64)) +
          "\" is no duration: write it with units, like \"90s\", \"10m\" or \"1h30m\""};
}

std::variant<milliseconds, DurationFault> checked(double value, std::string_view text) {
  if (value > kLongest)
    return DurationFault{"\"" + std::string(text.substr(0, 64)) + "\" is longer than 100 years"};
  return milliseconds(static_cast<std::int64_t>(std::floor(value + 1e-6)));
}

std::variant<milliseconds, DurationFault> parse_go(std::string_view whole) {
  std::string_view text = whole;
  if (text.front() == '+') text.remove_prefix(1);
  double sum = 0;
  if (text.empty()) return fault_of(whole);
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return fault_of(whole);
    std::size_t length = 0;
    while (length < text.size() && !digit(text[length]) && text[length] != '.') ++length;
    const std::string_view name = text.substr(0, length);
    if (name.empty()) {
      const std::string shown(whole.substr(0, 64));
      return DurationFault{shown + " has no unit: write \"" + shown + "s\" for seconds or \"" + shown +
                           "m\" for minutes"};
    }
    const Unit* unit = kGoUnits.data();
    while (!unit->name.empty() && unit->name != name) ++unit;
    if (unit->name.empty()) return fault_of(whole);
    sum += *number * unit->milliseconds;
    text.remove_prefix(length);
  }
  return checked(sum, whole);
}

// ISO 8601 without years and months, whose length depends on the calendar.
std::variant<milliseconds, DurationFault> parse_iso(std::string_view whole) {
  std::string_view text = whole.substr(1);
  double sum = 0;
  bool time = false;
  bool any = false;
  std::string_view order = "WDHMS";
  while (!text.empty()) {
    if (text.front() == 'T' && !time) {
      time = true;
      text.remove_prefix(1);
      if (text.empty()) return fault_of(whole);
      continue;
    }
    const auto number = take_number(text);
    if (!number || text.empty()) return fault_of(whole);
    const char letter = text.front();
    const std::size_t at = order.find(letter);
    if (at == std::string_view::npos || time != (letter != 'W' && letter != 'D')) return fault_of(whole);
    order.remove_prefix(at + 1);  // each once, largest first
    sum += *number * (letter == 'W'   ? 6.048e8
                      : letter == 'D' ? 8.64e7
                      : letter == 'H' ? 3.6e6
                      : letter == 'M' ? 6e4
                                      : 1e3);
    any = true;
    text.remove_prefix(1);
  }
  return any ? checked(sum, whole) : std::variant<milliseconds, DurationFault>(fault_of(whole));
}

}  // namespace

std::variant<milliseconds, DurationFault> parse_duration(std::string_view text) {
  if (text.empty()) return DurationFault{"a duration is empty: write it with units, like \"90s\" or \"10m\""};
  if (text.front() == '-') return DurationFault{"\"" + std::string(text.substr(0, 64)) + "\" is negative"};
  return text.front() == 'P' ? parse_iso(text) : parse_go(text);
}

std::string exact_duration(milliseconds duration) {
  std::int64_t rest = duration.count() < 0 ? 0 : duration.count();
  if (rest == 0) return "0s";
  struct Part {
    const char* unit;
    std::int64_t milliseconds;
  };
  constexpr std::array<Part, 4> kParts = {{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
  std::string text;
  for (const Part& part : kParts) {
    if (rest >= part.milliseconds) text += std::to_string(rest / part.milliseconds) + part.unit;
    rest %= part.milliseconds;
  }
  return text;
}

std::string format_duration(milliseconds duration) {
  const std::int64_t total = duration.count() < 0 ? 0 : duration.count();
  if (total < 1000) return std::to_string(total) + "ms";
  const std::int64_t seconds = total / 1000;
  struct Part {
    const char* unit;
    std::int64_t seconds;
  };
  constexpr std::array<Part, 4> kParts = {{{"d", 86'400}, {"h", 3'600}, {"m", 60}, {"s", 1}}};
  std::string text;
  std::int64_t rest = seconds;
  for (std::size_t at = 0; at < kParts.size(); ++at) {
    if (rest < kParts[at].seconds) continue;
    text = std::to_string(rest / kParts[at].seconds) + kParts[at].unit;
    rest %= kParts[at].seconds;
    if (at + 1 < kParts.size() && rest >= kParts[at + 1].seconds) {
      text += std::to_string(rest / kParts[at + 1].seconds) + kParts[at + 1].unit;
    }
    break;
  }
  return text;
}

}  // namespace lockkeeper::locks
