// Several agents may run; one of them resumes. They lead by a lease of our own, at the native API of the same
// server.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "agent/clock.h"
#include "agent/log.h"
#include "client/keep_alive.h"
#include "client/lock_client.h"

namespace lockkeeper::agent {

class Leader {
 public:
  virtual ~Leader() = default;
  // Any thread. Looks at the clock: an agent that was frozen learns here that it leads no longer.
  virtual bool leads() = 0;
  // One try to lead. How long to wait before the next one; 0: it leads.
  virtual std::chrono::milliseconds campaign() = 0;
};

// For one agent alone.
class AlwaysLeads : public Leader {
 public:
  bool leads() override { return true; }
  std::chrono::milliseconds campaign() override { return std::chrono::milliseconds(0); }
};

// Asks without queueing: a place in the queue would outlive an agent that was killed, and be offered the lock.
class LeaseLeader : public Leader {
 public:
  struct Terms {
    client::Settings api;  // native
    std::string lock = "lockagt-leader";
    std::chrono::milliseconds ttl = std::chrono::seconds(15);
    std::string holder;  // for people: host and process
    std::function<void()> won;
    std::function<void()> lost;  // on whatever thread notices it, a margin before another may lead
  };
  LeaseLeader(Terms terms, Clock& clock, Log& log, const http::Interrupt* stop);
  ~LeaseLeader() override;  // as resign()

  bool leads() override;
  std::chrono::milliseconds campaign() override;
  // Gives the lease back, so that another can lead at once. Not while campaign() runs.
  void resign();

 private:
  std::chrono::milliseconds refused(const std::string& why, std::optional<std::chrono::seconds> retry_after);
  bool keep(const wire::GrantedView& granted, client::BootClock::time_point asked);
  std::shared_ptr<client::KeepAlive> current();
  void lost(const std::string& why);
  void drop();
  void tell(LogLevel level, const std::string& text);  // once

  const Terms terms_;
  Clock& clock_;
  Log& log_;
  client::LockClient client_;
  const client::Identity identity_;
  client::Intention intention_;                         // empty claim: none under way
  std::optional<client::BootClock::time_point> asked_;  // before its first try that was not answered
  std::string told_;
  unsigned failures_ = 0;
  std::atomic<bool> lost_told_ = true;
  std::mutex mutex_;
  std::shared_ptr<client::KeepAlive> lease_;
};

}  // namespace lockkeeper::agent
