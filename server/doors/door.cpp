#include "server/doors/door.h"

#include <cstdint>
#include <exception>
#include <utility>

#include "wire/native_json.h"

namespace lockkeeper::server {

void Visit::answered() noexcept {
  http::Response response;
  try {
    response = reply();
  } catch (const std::exception&) {
    response = error_reply(500, "internal error");
  }
  exchange.answer(std::move(response));  // may end this visit
}

std::optional<Entry> enter(const FrontDesk& desk, http::Exchange& exchange, std::span<const Route> routes,
                           std::string_view path) {
  const std::string_view method = exchange.request().method();
  // The originals' HTTP layer answered this one by itself.
  if (method == "OPTIONS" && path == "*") {
    exchange.answer(http::Response{.content_type = ""});
    return std::nullopt;
  }
  Entry entry{match(routes, method, path), {}};
  if (entry.match.route == nullptr) {
    http::Response response =
        entry.match.allow.empty() ? error_reply(404, "not found") : error_reply(405, "method not allowed");
    if (!entry.match.allow.empty()) response.headers.emplace_back("Allow", entry.match.allow);
    exchange.answer(std::move(response));
    return std::nullopt;
  }
  exchange.mark += 1 + static_cast<std::uint32_t>(entry.match.route - routes.data());
  if (!entry.match.route->open && !desk.admits(exchange.request(), entry.user)) {
    http::Response response = error_reply(401, "Please Authenticate");
    response.headers.emplace_back("Www-Authenticate", "Basic realm=\"Authorization Required\"");
    exchange.answer(std::move(response));
    return std::nullopt;
  }
  return entry;
}

http::Response metrics_reply(const FrontDesk& desk) {
  http::Response response;
  response.content_type = http::MetricsPage::content_type;
  response.body = desk.metrics_text();
  return response;
}

http::Response json_reply(unsigned status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

http::Response error_reply(unsigned status, std::string_view error) {
  http::Response response;
  response.status = status;
  wire::write_error(error, response.body);
  return response;
}

http::Response unavailable_reply(const locks::Unavailable& unavailable) {
  http::Response response =
      error_reply(503, unavailable.unknown ? "outcome unknown: " + unavailable.why : unavailable.why);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace lockkeeper::server
