// A request about one lock, while it is answered, in whatever dialect. One that waits (a poll) is watched: its
// client may leave, and the server may stop.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/doors/door.h"
#include "server/doors/open_polls.h"

namespace lockkeeper::server {

class LockVisit : public Visit, private OpenPoll {
 public:
  LockVisit(FrontDesk& desk, http::Exchange& to, std::string_view through) : Visit(to, through), desk_(desk) {}
  ~LockVisit() override;
  LockVisit(const LockVisit&) = delete;
  LockVisit& operator=(const LockVisit&) = delete;

  std::string lock;
  // Of a poll whose names the server gave: a client that leaves before it is told them can't come back.
  bool nameless = false;

  // Asks what `question` says.
  void ask();
  void unheard() noexcept final;

 protected:
  // The reply to `answer`, in the door's words.
  virtual http::Response speak() = 0;
  http::Response reply() final;

 private:
  void leave() noexcept final;
  void watch(locks::Acquire& acquire);
  void forget() noexcept;
  bool give_back() noexcept;
  void take_back() noexcept;
  bool say(decltype(engine::Call::question)&& word) noexcept;

  FrontDesk& desk_;
  std::string claim_, request_;        // of a poll
  std::optional<locks::Command> out_;  // of a nameless one: what takes its place or claim back
  bool polls_ = false;                 // it is a poll, and has given nothing back
  bool watched_ = false;               // known to desk_.polls()
  bool left_ = false;                  // the client
};

}  // namespace lockkeeper::server
