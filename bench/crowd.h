// Connections to a server on loopback, each with one request under way at most, watched by one thread. What a
// client of the bench does with them is its own story.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

struct Answer {
  std::size_t connection = 0;
  unsigned status = 0;
  std::string body;
  Clock::time_point at;  // when its last byte was read
};

// `body` is JSON.
std::string http_request(std::string_view method, std::string_view target, std::string_view body);

// Throws std::runtime_error when the server is not there, or ends a connection.
class Crowd {
 public:
  Crowd(std::uint16_t port, std::size_t connections);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  std::size_t size() const { return connections_.size(); }

  // Nothing may be under way on that connection.
  Clock::time_point ask(std::size_t connection, const std::string& request);

  // The next answer, in the order in which they were read; nullopt: none came until then.
  std::optional<Answer> next(Clock::time_point until);

  // Asks, and waits for the answer of this connection; others that come meanwhile are kept for next().
  Answer ask_and_wait(std::size_t connection, const std::string& request);

 private:
  struct Connection {
    int socket = -1;
    std::string text;  // what was read of its answer so far
  };

  bool read_some(Clock::time_point until);  // false: the time is over
  void read(std::size_t connection);

  int poll_;
  std::vector<Connection> connections_;
  std::deque<Answer> answers_;
};

}  // namespace bench
