// What a person reads in the build log, on stderr. fly shows no metadata, so what matters is said here.
#pragma once

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resource/payload.h"
#include "wire/native_json.h"

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

// "main/deploy/job #12 (https://ci/builds/4711) since 14:02Z (3m10s)"; the date too when it was another day.
std::string holder_text(const wire::HoldView& hold, locks::WallTime now);

// "3m10s"; "0s" for what is shorter than a second.
std::string seconds_text(std::chrono::milliseconds duration);

// The oldest holder, and how many more; "nobody" for none.
std::string holders_text(const std::vector<wire::HoldView>& holders, locks::WallTime now);

// "place 5 of 7 in the queue, behind a, b, c and 1 more; about 6m to go": where a waiter is, and who is before it.
std::string place_text(const wire::QueuedView& queued);

}  // namespace lockkeeper::resource
