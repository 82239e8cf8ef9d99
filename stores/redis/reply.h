// What a Redis server answers, as one value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper::stores::redis {

struct Reply {
  enum class Kind : std::uint8_t {
    lost,  // there is none: the connection broke, or the time was over. Text: why
    nil,
    integer,
    text,   // a status or a string
    error,  // text: the server's words
    array
  };
  Kind kind = Kind::lost;
  long long integer = 0;
  std::string text;
  std::vector<Reply> elements;

  bool is(std::string_view words) const { return kind == Kind::text && text == words; }
  bool failed() const { return kind == Kind::error || kind == Kind::lost; }
  // Whether it is that error: its first word, also where a script met it.
  bool error(std::string_view word) const {
    return kind == Kind::error &&
           (text.starts_with(std::string(word) + " ") || text.find("-" + std::string(word) + " ") != text.npos);
  }
};

}  // namespace lockkeeper::stores::redis
