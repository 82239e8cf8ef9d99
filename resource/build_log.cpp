#include "resource/build_log.h"

#include <ostream>

namespace lockkeeper::resource {

void BuildLog::line(LogLevel level, std::string_view prefix, std::string_view text) {
  if (level > level_) return;
  std::string line(prefix);
  line += text;
  for (char& one : line) {
    if (static_cast<unsigned char>(one) < 0x20 || one == 0x7f) one = '?';
  }
  stream_ << line << '\n' << std::flush;
}

void Reminder::said(Time now) {
  using std::chrono::minutes;
  while (due() <= now) after_ = after_ < minutes(8) ? after_ * 2 : after_ + minutes(10);
}

}  // namespace lockkeeper::resource
