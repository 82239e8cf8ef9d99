#include "server/doors/door.h"

#include <exception>

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
