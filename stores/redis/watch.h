// Being told of changes: the second connection, which is subscribed to them. The loop's thread only.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store.h"
#include "stores/redis/link.h"

namespace lockkeeper::stores::redis {

class Watch {
 public:
  struct Events {
    std::function<void(std::vector<engine::Changed> locks)> changed;
    std::function<void(bool again)> up;  // again: what happened meanwhile was missed
    std::function<void(const Fault& fault)> down;
  };

  Watch(Loop& loop, Address address, std::chrono::milliseconds timeout, std::string channel, Events events);

  void start() { link_.start(); }
  void stop() { link_.stop(); }
  bool up() const { return link_.up(); }

 private:
  void subscribe(const Link::Greeted& done);

  const std::chrono::milliseconds timeout_;
  const std::string channel_;
  const Events events_;
  std::vector<engine::Changed> heard_;
  bool was_up_ = false;
  Link link_;
};

// VERSION:BYTES:NAME, once or more; what does not read so is left out, with all that follows it.
std::vector<engine::Changed> parse_changes(std::string_view text);

}  // namespace lockkeeper::stores::redis
