#include "client/server_answer.h"

#include <chrono>
#include <optional>
#include <utility>

#include "client/retry_after.h"
#include "wire/native_json.h"

namespace lockkeeper::client {
namespace {

std::string redirect_target(const std::string& location) {
  if (location.empty()) return "without a place to go to";
  return "to " + (location.starts_with('/') ? wire::read_error(location) : http::without_userinfo(location));
}

std::string said(const std::string& base, unsigned status) {
  return http::without_userinfo(base) + " answered " + std::to_string(status);
}

}  // namespace

void throw_server_error(const std::string& base, const http::ClientResponse& response) {
  std::string text = said(base, response.status);
  if (response.status >= 300 && response.status < 400) {
    text += ", a redirect " + redirect_target(response.location) + ", which is not followed";
  } else if (const std::string words = wire::read_error(response.body); !words.empty()) {
    text += ": " + words;
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  throw ServerError(response.status, text, parse_retry_after(response.retry_after, now));
}

void throw_strange_answer(const std::string& base, const http::ClientResponse& response, const std::string& fault) {
  throw ServerError(response.status,
                    said(base, response.status) + " with what is no lock server's answer (" + fault +
                        "): " + wire::read_error(response.body),
                    std::nullopt);
}

std::string without_end_slashes(std::string uri) {
  while (uri.ends_with('/')) uri.pop_back();
  return uri;
}

}  // namespace lockkeeper::client
