#include "server/doors/shared_lock_reply.h"

#include <utility>
#include <variant>

#include "server/doors/door.h"
#include "server/doors/shared_lock_words.h"

namespace lockkeeper::server {
namespace {

http::Response text_reply(unsigned status, std::string text) {
  return http::Response{.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(text)};
}

// As Go's http.Error.
http::Response fault_reply(unsigned status, std::string text) {
  http::Response response = text_reply(status, std::move(text));
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace

http::Response lease_reply(std::string_view lock, const std::string& id, const locks::Outcome& outcome) {
  if (std::holds_alternative<locks::Granted>(outcome)) return text_reply(201, id);
  if (const auto* refused = std::get_if<locks::Refused>(&outcome)) {
    return text_reply(202, winner(lock, refused->holds));
  }
  if (const auto* too_many = std::get_if<locks::TooMany>(&outcome)) {
    return error_reply(409, "too many " + too_many->what);
  }
  if (const auto* unavailable = std::get_if<locks::Unavailable>(&outcome)) return unavailable_reply(*unavailable);
  return error_reply(500, "internal error");
}

http::Response keepalive_reply(const locks::Outcome& outcome) {
  if (std::holds_alternative<locks::Renewed>(outcome)) return http::Response{.content_type = ""};
  if (const auto* unavailable = std::get_if<locks::Unavailable>(&outcome)) return unavailable_reply(*unavailable);
  return fault_reply(204, "");  // the original wrote an error text, which its 204 swallowed
}

http::Response unreadable_lease_reply() {
  return fault_reply(400, "Failed to unmarshal request body\n");
}

}  // namespace lockkeeper::server
