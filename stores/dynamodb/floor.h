// Where the versions of new locks start. One item of the table; it only ever rises. Many creations share one
// reading of it, if that began after each of them was asked for. Any thread.
#pragma once

#include <chrono>
#include <mutex>

#include "locks/record.h"
#include "stores/dynamodb/client.h"

namespace lockkeeper::stores::dynamodb {

struct FloorRead {
  locks::Version floor = 0;
  std::chrono::nanoseconds at{
      0};  // by the clock of this boot, which goes on while the machine sleeps: when it began
};

std::chrono::nanoseconds boot_time();
using BootClock = std::chrono::nanoseconds (*)();

class Floor {
 public:
  explicit Floor(BootClock clock = boot_time) : clock_(clock) {}

  // As it was at `since` or later.
  FloorRead since(std::chrono::nanoseconds since, DynamoClient& client, const std::string& table,
                  Deadline deadline);
  // To `version` at least.
  static void raise(locks::Version version, DynamoClient& client, const std::string& table, Deadline deadline);

  std::chrono::nanoseconds now() const { return clock_(); }

 private:
  BootClock clock_;
  std::timed_mutex mutex_;  // held while it is read: those who need it too wait for that
  FloorRead last_;
};

}  // namespace lockkeeper::stores::dynamodb
