// Makes connections on a thread of its own, since names are looked up there for as long as that takes: at once when
// one is wanted, then every 250 ms until there is one.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "stores/postgresql/bell.h"
#include "stores/postgresql/connection.h"

namespace lockkeeper::stores::postgresql {

class Connector {
 public:
  // One that can be used, or nullptr. `stop`: as in Connection::connect().
  using Make = std::function<std::unique_ptr<Connection>(int stop)>;

  Connector(Make make, Bell& made);  // `made` is rung for each
  ~Connector();

  void want(std::size_t number);  // so many more than are there; replaces what was wanted before
  std::vector<std::unique_ptr<Connection>> take();

 private:
  void run();

  const Make make_;
  Bell& bell_;
  Bell stop_;
  std::mutex mutex_;
  std::condition_variable wanted_or_over_;
  std::size_t wanted_ = 0;
  bool over_ = false;
  std::vector<std::unique_ptr<Connection>> made_;
  std::thread thread_;
};

}  // namespace lockkeeper::stores::postgresql
