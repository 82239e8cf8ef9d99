// What a person reads in the build log, on stderr. fly shows no metadata, so what matters is said here.
#pragma once

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/waiting_text.h"
#include "resource/payload.h"

namespace lockkeeper::resource {

// Lines of text; control characters (a holder's name may have some) become "?".
class BuildLog {
 public:
  BuildLog(std::ostream& stream, LogLevel level) : stream_(stream), level_(level) {}
  void error(std::string_view text) { line(LogLevel::error, "error: ", text); }
  void warn(std::string_view text) { line(LogLevel::warn, "warning: ", text); }
  void info(std::string_view text) { line(LogLevel::info, "", text); }
  void debug(std::string_view text) { line(LogLevel::debug, "debug: ", text); }

 private:
  void line(LogLevel level, std::string_view prefix, std::string_view text);

  std::ostream& stream_;
  LogLevel level_;
};

// When to say again that one still waits: after 1, 2, 4, 8 minutes and every 10 from there.
class Reminder {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit Reminder(Time begin) : begin_(begin) {}
  Time due() const { return begin_ + after_; }
  void said(Time now);  // moves `due` behind now

 private:
  Time begin_;
  std::chrono::minutes after_{1};
};

// The words of the log for who holds and who waits.
using client::holder_text;
using client::holders_text;
using client::place_text;
using client::seconds_text;

}  // namespace lockkeeper::resource
