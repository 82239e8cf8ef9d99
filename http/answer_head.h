// The head of an answer: status line and header fields, written into a buffer that is reused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/listener.h"

namespace lockkeeper::http {

struct AnswerFraming {
  unsigned version = 11;                // of the request
  std::optional<std::uint64_t> length;  // absent: chunked, or ended by closing
  bool chunked = false;
  bool close = false;
};

// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" for now (RFC 9110, 5.6.7).
std::string date_line(std::int64_t unix_seconds);

// 204, 304 and interim answers have neither body nor length (RFC 9110, 6.4.1).
bool has_body(unsigned status);

// Appends. Line ends inside of a header's value become blanks: no answer can be split by what a client sent.
void append_head(std::string& out, const Response& response, const AnswerFraming& framing, std::string_view date);

// Appends text as one chunk (RFC 9112, 7.1), and the end of all chunks after the last.
void append_chunk(std::string& out, std::string_view text, bool last);

}  // namespace lockkeeper::http
