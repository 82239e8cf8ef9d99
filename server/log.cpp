#include "server/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "wire/native_json.h"

namespace lockkeeper::server {
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

std::unique_ptr<spdlog::logger> stderr_logger(const char* pattern, LogLevel level) {
  auto logger = std::make_unique<spdlog::logger>("lockkeeper", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  logger->set_level(spdlog_level(level));
  return logger;
}

}  // namespace

class Log::Sinks {
 public:
  Sinks(LogFormat format, LogLevel level)
      : messages(stderr_logger(format == LogFormat::json
                                   ? R"({"at":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%v})"
                                   : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                               level)),
        lines(stderr_logger("%v", LogLevel::debug)) {}

  std::unique_ptr<spdlog::logger> messages;
  std::unique_ptr<spdlog::logger> lines;
};

Log::Log(LogFormat format, LogLevel level)
    : format_(format), level_(level), sinks_(std::make_unique<Sinks>(format, level)) {}
Log::~Log() = default;

void Log::info(std::string_view message) {
  say(LogLevel::info, message);
}
void Log::warn(std::string_view message) {
  say(LogLevel::warn, message);
}
void Log::error(std::string_view message) {
  say(LogLevel::error, message);
}

void Log::lines(std::string_view text) {
  if (!text.empty()) sinks_->lines->log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
}

void Log::say(LogLevel level, std::string_view message) {
  std::string quoted;
  if (format_ == LogFormat::json) {
    wire::write_text(message, quoted);
    message = quoted;
  }
  sinks_->messages->log(spdlog_level(level), spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace lockkeeper::server
