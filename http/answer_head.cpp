#include "http/answer_head.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>

namespace lockkeeper::http {
namespace {

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, end);
}

void append_safely(std::string& out, std::string_view text) {
  const std::size_t at = out.size();
  out += text;
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(at), out.end(),
      [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
}

}  // namespace

std::string date_line(std::int64_t unix_seconds) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = unix_seconds;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char line[64];
  const int size =
      std::snprintf(line, sizeof line, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[utc.tm_wday],
                    utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return std::string(line, static_cast<std::size_t>(size));
}

bool has_body(unsigned status) {
  return status >= 200 && status != 204 && status != 304;
}

void append_head(std::string& out, const Response& response, const AnswerFraming& framing, std::string_view date) {
  out += framing.version >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ";
  append_number(out, response.status);
  out += ' ';
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
  out.append(reason.data(), reason.size());
  out += "\r\n";
  if (!response.content_type.empty()) {
    out += "Content-Type: ";
    append_safely(out, response.content_type);
    out += "\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    append_safely(out, name);
    out += ": ";
    append_safely(out, value);
    out += "\r\n";
  }
  out += date;
  if (framing.length) {
    out += "Content-Length: ";
    append_number(out, *framing.length);
    out += "\r\n";
  } else if (framing.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (framing.close) {
    out += "Connection: close\r\n";
  } else if (framing.version < 11) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
}

void append_chunk(std::string& out, std::string_view text, bool last) {
  if (!text.empty()) {
    append_number(out, text.size(), 16);
    out += "\r\n";
    out += text;
    out += "\r\n";
  }
  if (last) out += "0\r\n\r\n";
}

}  // namespace lockkeeper::http
