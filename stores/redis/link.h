// A connection that is kept: made, made again when it breaks, and looked after while nobody uses it. The loop's
// thread only.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "stores/redis/connection.h"
#include "stores/redis/loop.h"

namespace lockkeeper::stores::redis {

class Link {
 public:
  using Greeted = std::function<void(const Fault& fault)>;

  struct Events {
    // What a new connection is used for first; says how it went, once.
    std::function<void(Greeted done)> greet;
    std::function<void()> up;
    // It broke, or could not be made (told for each try).
    std::function<void(const Fault& fault)> down;
    std::function<void(Reply& message)> message;
    std::function<void()> caught_up;
  };

  // An idle connection is asked once a second whether it is still there, and has `timeout` to answer.
  Link(Loop& loop, Address address, std::chrono::milliseconds timeout, Events events);

  void start();
  void stop();
  void drop(const Fault& fault);  // it is no good, though it stands

  bool up() const { return up_; }
  Connection& connection() { return connection_; }

 private:
  void try_now();
  void fell(const Fault& fault, std::chrono::milliseconds again);
  void look_after();

  const std::chrono::milliseconds timeout_;
  const Events events_;
  Connection connection_;
  Timer timer_;
  bool up_ = false;
  bool stopped_ = false;
  unsigned long tries_ = 0;  // an earlier one's greeting says nothing about this one
};

}  // namespace lockkeeper::stores::redis
