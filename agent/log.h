// The agent's log on stderr: text, or one JSON object a line. spdlog stays inside. Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace lockkeeper::agent {

enum class LogFormat { text, json };
enum class LogLevel { debug, info, warn, error, off };

// What the parts say goes through this, so that a test hears it.
class Log {
 public:
  virtual ~Log() = default;
  virtual void say(LogLevel level, std::string_view message) = 0;
};

class StderrLog : public Log {
 public:
  StderrLog(LogFormat format, LogLevel level);
  ~StderrLog() override;
  // Names and reasons are others' words: control characters are shown as '?'.
  void say(LogLevel level, std::string_view message) override;

 private:
  class Sink;
  const LogFormat format_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace lockkeeper::agent
