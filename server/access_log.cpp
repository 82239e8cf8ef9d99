#include "server/access_log.h"

#include <charconv>
#include <utility>

#include "wire/time_text.h"

namespace lockkeeper::server {
namespace {

constexpr std::size_t longest_word = 2048;  // a name of 512 bytes, percent-encoded, and its route

void write_number(std::uint64_t number, std::string& out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

// Microseconds' resolution is enough beside a commit; "0.412".
void write_milliseconds(std::chrono::nanoseconds took, std::string& out) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  const auto whole = static_cast<std::uint64_t>(micros < 0 ? 0 : micros);
  write_number(whole / 1000, out);
  const char fraction[] = {'.', static_cast<char>('0' + whole / 100 % 10), static_cast<char>('0' + whole / 10 % 10),
                           static_cast<char>('0' + whole % 10)};
  out.append(fraction, sizeof fraction);
}

bool plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7F && c != '"' && c != '\\';
}

// Safe in both formats without any quoting.
void write_word(std::string_view word, std::string& out) {
  constexpr char hex[] = "0123456789ABCDEF";
  if (word.empty()) out += '-';
  word = word.substr(0, longest_word);
  while (!word.empty()) {
    std::size_t run = 0;
    while (run < word.size() && plain(word[run])) ++run;
    out += word.substr(0, run);
    if (run == word.size()) return;
    const auto byte = static_cast<unsigned char>(word[run]);
    out += '%';
    out += hex[byte >> 4U];
    out += hex[byte & 0xFU];
    word.remove_prefix(run + 1);
  }
}

// The time's text changes a thousand times a second, lines come more often.
const std::string& time_text_of(locks::WallTime at) {
  thread_local locks::WallTime last{};
  thread_local std::string text;
  if (text.empty() || at != last) {
    text = wire::time_text(at);
    last = at;
  }
  return text;
}

void format_text(const AccessLine& line, std::string& out) {
  out += line.status >= 500 ? " warning request id=" : " info request id=";
  write_number(line.id, out);
  out += " method=";
  write_word(line.method, out);
  out += " path=";
  write_word(line.path, out);
  out += " status=";
  write_number(line.status, out);
  if (!line.code.empty()) {
    out += " code=";
    write_word(line.code, out);
  }
  out += " ms=";
  write_milliseconds(line.took, out);
  out += " bytes=";
  write_number(line.body_bytes, out);
  out += " peer=";
  write_word(line.peer, out);
  out += " user=";
  write_word(line.user, out);
  out += " door=";
  write_word(line.door, out);
  if (!line.fault.empty()) {
    out += " fault=";
    write_word(line.fault, out);
  }
}

void format_json(const AccessLine& line, std::string& out) {
  out += line.status >= 500 ? R"(","level":"warning","message":"request","id":)"
                            : R"(","level":"info","message":"request","id":)";
  write_number(line.id, out);
  out += R"(,"method":")";
  write_word(line.method, out);
  out += R"(","path":")";
  write_word(line.path, out);
  out += R"(","status":)";
  write_number(line.status, out);
  if (!line.code.empty()) {
    out += R"(,"code":")";
    write_word(line.code, out);
    out += '"';
  }
  out += R"(,"ms":)";
  write_milliseconds(line.took, out);
  out += R"(,"bytes":)";
  write_number(line.body_bytes, out);
  out += R"(,"peer":")";
  write_word(line.peer, out);
  out += R"(","user":")";
  write_word(line.user, out);
  out += R"(","door":")";
  write_word(line.door, out);
  if (!line.fault.empty()) {
    out += R"(","fault":")";
    write_word(line.fault, out);
  }
  out += "\"}";
}

}  // namespace

void format_access(const AccessLine& line, LogFormat format, locks::WallTime at, std::string& out) {
  if (format == LogFormat::json) {
    out += R"({"at":")";
    out += time_text_of(at);
    format_json(line, out);
  } else {
    out += time_text_of(at);
    format_text(line, out);
  }
  out += '\n';
}

AccessLog::AccessLog(Log& log, engine::Clock& clock, Settings settings)
    : log_(log), clock_(clock), settings_(settings) {
  for (std::size_t i = 0; i < settings.io_threads; ++i) buffers_.push_back(std::make_unique<Buffer>());
  writer_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  writer_.join();
  write_out();
}

void AccessLog::add(std::size_t io, const AccessLine& line) {
  if (!log_.wants(line.status >= 500 ? LogLevel::warn : LogLevel::info)) return;
  Buffer& buffer = *buffers_[io];
  const std::lock_guard guard(buffer.mutex);
  if (buffer.text.size() >= settings_.buffer_bytes) {
    ++buffer.dropped;
    return;
  }
  format_access(line, log_.format(), clock_.wall(), buffer.text);
}

void AccessLog::say(LogLevel level, std::string message) {
  const std::lock_guard guard(mutex_);
  messages_.push_back({level, std::move(message)});
}

void AccessLog::write_out() {
  std::vector<Message> messages;
  {
    const std::lock_guard guard(mutex_);
    messages.swap(messages_);
  }
  for (const Message& message : messages) log_.say(message.level, message.text);
  std::string text;
  for (const auto& buffer : buffers_) {
    std::uint64_t dropped = 0;
    text.clear();
    {
      const std::lock_guard guard(buffer->mutex);
      text.swap(buffer->text);
      std::swap(dropped, buffer->dropped);
    }
    if (!text.empty()) text.pop_back();  // the sink ends it with a newline
    log_.lines(text);
    if (dropped != 0)
      log_.warn(std::to_string(dropped) + " request lines were dropped: the log is not read fast enough");
  }
}

void AccessLog::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, settings_.pause, [this] { return stopping_; })) {
    lock.unlock();
    write_out();
    lock.lock();
  }
}

}  // namespace lockkeeper::server
