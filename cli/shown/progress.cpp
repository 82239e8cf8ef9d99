#include "cli/shown/progress.h"

#include <utility>

#include "cli/shown/text.h"

namespace lockkeeper::cli {

Progress::Progress(const Terminal& terminal, Write write, Clock now)
    : terminal_(terminal), write_(std::move(write)), now_(std::move(now)) {}

Progress::~Progress() {
  try {
    end();
  } catch (...) {  // the terminal is gone
  }
}

void Progress::say(const std::string& text, const std::string& marks) {
  text_ = harmless(text);
  if (terminal_.rewrites) return draw();
  const Time now = now_();
  if (told_ && marks == marks_ && now - told_at_ < reminder) return;
  const bool again = told_ && marks == marks_;
  write_((again ? "still " : "") + text_ + '\n');
  told_ = true;
  told_at_ = now;
  marks_ = marks;
}

void Progress::note(const std::string& text) {
  const std::string line = harmless(text);
  if (line_.empty()) return write_(line + '\n');
  line_.clear();
  write_("\r\x1b[K" + line + '\n');
  draw();
}

void Progress::end() {
  if (line_.empty()) return;
  line_.clear();
  write_("\r\x1b[K");
}

// One column stays free: in the last one a terminal would wrap, and "\r" lead to the second half.
void Progress::draw() {
  std::string line = shortened(text_, terminal_.width > 1 ? terminal_.width - 1 : 1);
  if (line == line_) return;
  write_('\r' + line + "\x1b[K");
  line_ = std::move(line);
}

}  // namespace lockkeeper::cli
