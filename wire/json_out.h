// Writes JSON straight into a string: no tree, no second copy. The original's answers are matched byte for byte,
// and its escapes (compat: locker, fact 6) are not those of RapidJSON's writer, so texts are written in here.
// Private to the folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lockkeeper::wire {

enum class Escapes : std::uint8_t {
  web,      // <, >, &, U+2028, U+2029 and bytes that are not UTF-8 are escaped: what leaves the server
  minimal,  // only what JSON demands; any other byte as it is: what stores keep, so that it comes back the same
};

class JsonOut {
 public:
  JsonOut(std::string& out, Escapes escapes) : out_(out), escapes_(escapes) {}

  JsonOut& open(char bracket) {
    comma();
    out_ += bracket;
    return *this;
  }
  JsonOut& close(char bracket) {
    out_ += bracket;
    return *this;
  }
  // `name` is a plain word of the format.
  JsonOut& name(std::string_view name) {
    comma();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return *this;
  }
  JsonOut& text(std::string_view text);
  JsonOut& number(std::uint64_t number);
  JsonOut& number(std::int64_t number);
  JsonOut& boolean(bool value) {
    comma();
    out_ += value ? "true" : "false";
    return *this;
  }
  // A member whose name comes from outside.
  JsonOut& text_name(std::string_view name) {
    text(name);
    out_ += ':';
    return *this;
  }

 private:
  void comma() {
    if (out_.empty()) return;
    // A text ends in a quote, so these can only be structure.
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':' && last != '\n') out_ += ',';
  }

  std::string& out_;
  Escapes escapes_;
};

// Length of the UTF-8 sequence that starts at `at` (1 to 4), or 0 if the byte there starts none that is whole,
// shortest and no surrogate.
std::size_t utf8_length(std::string_view text, std::size_t at);

}  // namespace lockkeeper::wire
