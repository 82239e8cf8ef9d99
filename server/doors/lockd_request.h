// Requests at lockd's door, taken apart: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "http/listener.h"
#include "server/doors/lockd_words.h"

namespace lockkeeper::server {

// How lockd saw paths: percent escapes decoded, also %2F, then "//", "." and ".." taken away, of a slash at the end
// one kept. nullopt: a bad escape.
std::optional<std::string> lockd_path(std::string_view path);

// Which of lockd's APIs a request is of: it decides where the name is, and what answers look like.
enum class LockdApi : std::uint8_t { name_in_path, name_in_body };

struct LockdQuestion {
  LockdAct act = LockdAct::is_locked;
  LockdApi api = LockdApi::name_in_path;
  bool ours = false;     // a header or field of ours was there: the answer may have ours too
  LockdRequest request;  // its name is not empty, but for GET /api/lock?name=, to which nothing is locked
};

// Or the text of a 400. `name`: of the path, decoded.
std::variant<LockdQuestion, std::string> lockd_question(LockdAct act, std::string_view name,
                                                        const http::Request& request);
std::variant<LockdQuestion, std::string> old_lockd_question(LockdAct act, std::string_view query,
                                                            const http::Request& request);

}  // namespace lockkeeper::server
