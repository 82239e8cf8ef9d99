#include "agent/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>

#include "wire/native_json.h"

namespace lockkeeper::agent {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

class StderrLog::Sink {
 public:
  Sink(LogFormat format, LogLevel level) : logger("lockagt", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    const char* pattern = format == LogFormat::json ? R"({"at":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%v})"
                                                    : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
    logger.set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
    logger.set_level(spdlog_level(level));
  }
  spdlog::logger logger;
};

StderrLog::StderrLog(LogFormat format, LogLevel level)
    : format_(format), sink_(std::make_unique<Sink>(format, level)) {}
StderrLog::~StderrLog() = default;

void StderrLog::say(LogLevel level, std::string_view message) {
  std::string text(message);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }, '?');
  if (format_ == LogFormat::json) {
    std::string quoted;
    wire::write_text(text, quoted);
    text = quoted;
  }
  sink_->logger.log(spdlog_level(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace lockkeeper::agent
