// One line a request. An I/O thread formats its lines into a buffer of its own; a thread of the log's writes the
// buffers out together, so that a request costs no system call and a blocked pipe holds nobody up: what does not
// fit is dropped, counted, and its number logged.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/clock.h"
#include "server/log.h"

namespace lockkeeper::server {

// Never a key, a password, a body or a query: there is no place for them.
struct AccessLine {
  std::uint64_t id = 0;
  std::string_view method;
  std::string_view path;  // as sent: the lock's name is percent-encoded in it
  unsigned status = 0;    // 0: the client left before the answer
  std::string_view code;  // gRPC's, whose like in HTTP the status is then
  std::chrono::nanoseconds took{0};
  std::size_t body_bytes = 0;  // of the answer
  std::string_view peer;
  std::string_view user;  // empty: nobody had to authenticate, or did not
  std::string_view door;
  std::string_view fault;  // what the listener refused it for
};

// Appends the line and a newline. Whatever is not printable ASCII in the client's words is percent-encoded, and
// overlong ones are cut.
void format_access(const AccessLine& line, LogFormat format, locks::WallTime at, std::string& out);

class AccessLog {
 public:
  struct Settings {
    std::size_t io_threads = 1;
    std::size_t buffer_bytes = 4 * 1024 * 1024;                       // an I/O thread; some 25,000 lines
    std::chrono::milliseconds pause = std::chrono::milliseconds(50);  // between two writings
  };
  AccessLog(Log& log, engine::Clock& clock, Settings settings);
  ~AccessLog();  // writes out what is left
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void add(std::size_t io, const AccessLine& line);
  // A message of the server's on the same way, for a thread that no log may hold up.
  void say(LogLevel level, std::string message);

 private:
  struct Message {
    LogLevel level;
    std::string text;
  };
  struct Buffer {
    std::mutex mutex;
    std::string text;
    std::uint64_t dropped = 0;
  };
  void write_out();
  void run();

  Log& log_;
  engine::Clock& clock_;
  const Settings settings_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;          // guarded by mutex_
  std::vector<Message> messages_;  // guarded by mutex_
  std::thread writer_;
};

}  // namespace lockkeeper::server
