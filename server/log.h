// The server's own log on stderr: text, or one JSON object a line. spdlog stays inside. Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace lockkeeper::server {

enum class LogFormat { text, json };
enum class LogLevel { debug, info, warn, error, off };

class Log {
 public:
  Log(LogFormat format, LogLevel level);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void say(LogLevel level, std::string_view message);
  void info(std::string_view message);
  void warn(std::string_view message);
  void error(std::string_view message);

  // Lines that are formatted already, without the last newline.
  void lines(std::string_view text);

  LogFormat format() const { return format_; }
  bool wants(LogLevel level) const { return level >= level_; }

 private:
  class Sinks;

  LogFormat format_;
  LogLevel level_;
  std::unique_ptr<Sinks> sinks_;
};

}  // namespace lockkeeper::server
