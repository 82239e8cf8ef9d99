#include "server/routes.h"

#include <optional>

namespace lockkeeper::server {
namespace {

// What {} stood for; nullopt when the path is another one.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) {
  const auto hole = pattern.find("{}");
  if (hole == std::string_view::npos) {
    return pattern == path ? std::optional<std::string_view>(std::in_place) : std::nullopt;
  }
  const auto before = pattern.substr(0, hole);
  const auto after = pattern.substr(hole + 2);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) {
    return std::nullopt;
  }
  const auto segment = path.substr(before.size(), path.size() - before.size() - after.size());
  if (segment.find('/') != std::string_view::npos) return std::nullopt;
  return segment;
}

bool takes(const Route& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD");
}

}  // namespace

Match match(std::span<const Route> routes, std::string_view method, std::string_view path) {
  Match result;
  for (const Route& route : routes) {
    const auto segment = fit(route.pattern, path);
    if (!segment) continue;
    if (takes(route, method)) {
      result.allow.clear();
      result.route = &route;
      result.segment = *segment;
      return result;
    }
    if (!result.allow.empty()) result.allow += ", ";
    result.allow += route.method;
    if (route.method == "GET") result.allow += ", HEAD";
  }
  return result;
}

}  // namespace lockkeeper::server
