// `put` with lock_op: lock. One intention from start to end, whatever happens on the way. Our server queues it: its
// place is kept from poll to poll, through outages and restarts of the server, and for the next attempt of the same
// step. An original server is asked again after pauses.
#pragma once

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "out/waiting_log.h"
#include "resource/answer.h"
#include "resource/patience.h"
#include "resource/world.h"

namespace lockkeeper::out {

class LockStep {
 public:
  struct Order {
    const resource::Source& source;
    const resource::OutParams& params;
    const resource::Build& build;
    std::string lock;
  };
  LockStep(resource::World& world, resource::BuildLog& log, resource::LockServer& server,
           resource::Patience& patience, Order order);

  // Waits for the lock, tells the log, writes the answer. Throws StepFailed and StepEnded; before that, what the
  // build may have won without anybody knowing is given back.
  void run(std::ostream& output);

 private:
  void begin();                 // reads the lock's version
  wire::GrantedView acquire();  // until granted
  std::variant<wire::GrantedView, wire::DeniedView> ask();
  std::optional<std::chrono::milliseconds> poll();
  void refused(const wire::DeniedView& denied);
  void pause();
  void over(const wire::DeniedView& denied);  // throws StepFailed, or there is more to ask
  void answer(const wire::GrantedView& granted, std::ostream& output);
  void give_back();

  bool original() { return server_.kind() == client::ServerKind::original; }
  void tell_granted(const wire::GrantedView& granted);
  void tell_others(std::vector<wire::HoldView> others);
  bool look();
  std::vector<wire::HoldView> holders_after(const wire::GrantedView& granted);

  resource::World& world_;
  resource::BuildLog& log_;
  resource::LockServer& server_;
  resource::Patience& patience_;
  Order order_;
  std::string server_url_;
  resource::Owner owner_;
  locks::Metadata metadata_;
  client::Intention intention_;

  WaitingLog waiting_;
  locks::Version known_ = 0;            // the version that waiting_'s holders were read at
  std::optional<wire::LockView> seen_;  // the lock after the grant, where it was looked at
  struct {
    std::chrono::steady_clock::time_point at;
    std::chrono::milliseconds wait{0};
  } polled_;              // the last request
  bool refused_ = false;  // at least once
  bool placed_ = false;   // it has a place in the queue
  bool asked_ = false;    // a request to acquire has left
  bool unknown_ = false;  // one of them may have been carried out without our knowing
};

}  // namespace lockkeeper::out
