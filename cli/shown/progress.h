// What is going on, on one line of a terminal that is written anew as it changes; elsewhere (a file, a pipe, a CI's
// log) a new line for each change, and a reminder each minute.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "cli/shown/terminal.h"
#include "client/boot_clock.h"

namespace lockkeeper::cli {

class Progress {
 public:
  using Time = client::BootClock::time_point;
  using Write = std::function<void(std::string_view)>;  // to standard error, unbuffered
  using Clock = std::function<Time()>;

  static constexpr std::chrono::minutes reminder{1};

  Progress(const Terminal& terminal, Write write, Clock now = client::BootClock::now);
  ~Progress();  // end()s
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `text`: one line, made harmless here. `marks`: texts with equal marks say the same but for the time that went
  // by.
  void say(const std::string& text, const std::string& marks);
  // A line that stays.
  void note(const std::string& text);
  // Takes the line of a terminal away. More may be said afterwards.
  void end();

 private:
  void draw();

  const Terminal terminal_;
  const Write write_;
  const Clock now_;
  std::string line_;  // on the terminal now; empty: none
  std::string text_, marks_;
  bool told_ = false;
  Time told_at_;
};

}  // namespace lockkeeper::cli
