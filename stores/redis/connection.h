// One connection to a Redis server: commands go out together, replies come back in order. The loop's thread only.
//
//   connection.connect(time, [](const Fault& fault) {...});      // TCP, TLS, AUTH, SELECT
//   connection.send({"GET", "a"}, time, [](Reply& reply) {...});  // once, whatever happens
//   connection.flush();
//
// When it breaks (or a reply does not come in time: then it is closed, since what comes later can't be told apart),
// each handler gets Reply::Kind::lost, then `broken` is called. connect() may be called again, not from within.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stores/redis/command.h"
#include "stores/redis/loop.h"
#include "stores/redis/reader.h"
#include "stores/redis/reply.h"
#include "stores/redis/transport.h"

namespace lockkeeper::stores::redis {

struct Fault {
  std::string why;       // "": none. Never holds a password
  bool refused = false;  // the server said no: trying again is of no use before something changes
};

class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  using Handler = std::function<void(Reply& reply)>;

  // Each may be empty.
  struct Events {
    std::function<void(const std::string& why)> broken;  // after it was connected
    std::function<void(Reply& message)> message;  // of a channel that was subscribed to: {"message", channel, text}
    std::function<void()> caught_up;              // all replies that came together were given to their handlers
  };

  Connection(Loop& loop, Address address, Events events);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void connect(std::chrono::milliseconds at_most, std::function<void(const Fault& fault)> done);
  // Goes out with the next flush(). Not connected: the handler is called at once.
  void send(const Command& command, Clock::time_point deadline, Handler handler);
  void flush();
  // As if it broke, but nobody is told that it did.
  void close(const std::string& why);

  bool connected() const { return connected_; }
  std::size_t under_way() const { return pending_.size(); }

 private:
  struct Pending {
    Clock::time_point deadline;
    Handler handler;
  };

  void introduce(std::chrono::milliseconds at_most);
  void settle(const Fault& fault);
  void read();
  void received(std::size_t number);
  void deliver(Reply& reply);
  void watch_time(Clock::time_point deadline);
  void look_at_time();
  void broke(const std::string& why);

  Loop& loop_;
  const Address address_;
  const Events events_;
  std::shared_ptr<Transport> transport_;
  std::unique_ptr<Reader> reader_;
  std::function<void(const Fault&)> connecting_;
  bool connected_ = false;
  bool writing_ = false;
  std::string out_, on_its_way_;
  std::vector<char> in_;
  std::deque<Pending> pending_;
  Timer timer_;
  Clock::time_point alarm_ = Clock::time_point::max();
};

}  // namespace lockkeeper::stores::redis
