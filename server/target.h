// A request's target taken apart: pure, and shared by every door.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lockkeeper::server {

struct Target {
  std::string_view path;   // "/lock/a%2Fb", as sent
  std::string_view query;  // "limit=10", without the question mark
};

Target split_target(std::string_view target);

// nullopt: a bad escape. A plus sign stays one in a path and is a space in a query.
std::optional<std::string> percent_decode(std::string_view text);
std::optional<std::string> query_decode(std::string_view text);

// The last parameter of that name, decoded; with bad escapes as it was sent. nullopt: there is none.
std::optional<std::string> parameter(std::string_view query, std::string_view name);

// Digits only, no sign; nullopt when it is not a number or does not fit.
std::optional<std::uint64_t> whole_number(std::string_view text);

}  // namespace lockkeeper::server
