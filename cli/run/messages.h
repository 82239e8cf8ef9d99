// What front and guard tell each other, over a socket that keeps messages apart, and over memory that both see.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "client/boot_clock.h"

namespace lockkeeper::cli::run {

struct Message {
  enum class Kind : std::int32_t {
    // to the guard
    start,    // number: the grace in ms; text: a note, then the environment's additions, each followed by a NUL
    end_now,  // number: the grace in ms
    // from it
    started,       // number: the group
    cannot_start,  // number: errno
    stopped,       // number: the signal
    lost,          // the end has begun since the lease's is near
    exited,        // number: the status, as waitpid's
    over           // nothing of the command lives
  };
  Kind kind = Kind::start;
  std::int32_t number = 0;
};

// Written by the front, read by the guard, also when the front stands still.
struct Shared {
  std::atomic<client::BootClock::rep> term_at;
};
static_assert(std::atomic<client::BootClock::rep>::is_always_lock_free);

constexpr std::size_t longest_text = 64 * 1024;

enum class Received { nothing, message, end };
// Without waiting. `text` may be null.
Received receive(int socket, Message& message, std::string* text);
// Without waiting, since the other side may stand still. False: it is gone, or has not listened for long.
bool send(int socket, const Message& message, const std::string& text = {});

// A descriptor that is readable at a time of the boot clock, also when the machine slept meanwhile.
class Alarm {
 public:
  Alarm();  // throws std::system_error
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  void set(client::BootClock::time_point time);  // max(): never
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace lockkeeper::cli::run
