// What a server's answer says when it is none of those that a call expects.
#pragma once

#include <string>
#include <string_view>

#include "client/lock_client.h"
#include "http/client.h"
#include "wire/record_json.h"

namespace lockkeeper::client {

// `base`: the address that was asked. Shown without its userinfo.
[[noreturn]] void throw_server_error(const std::string& base, const http::ClientResponse& response);

// 200, or ServerError.
inline void require_ok(const std::string& base, const http::ClientResponse& response) {
  if (response.status != 200) throw_server_error(base, response);
}

// An answer that is not in the shape of a lock server's comes from something else (a portal, a proxy): trying again
// would not help.
[[noreturn]] void throw_strange_answer(const std::string& base, const http::ClientResponse& response,
                                       const std::string& fault);

template <typename View>
View read_answer(const std::string& base, const http::ClientResponse& response, View (*reader)(std::string_view)) {
  try {
    return reader(response.body);
  } catch (const wire::WireError& error) {
    throw_strange_answer(base, response, error.what());
  }
}

// "http://host/" is asked for "http://host" + "/lock".
std::string without_end_slashes(std::string uri);

}  // namespace lockkeeper::client
