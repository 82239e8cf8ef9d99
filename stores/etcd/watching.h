// The client's watch: at the endpoint that serves, from the revision after the last one heard of, again whenever
// its stream ends, falls silent, or the client has gone to another endpoint.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "stores/etcd/client.h"

namespace lockkeeper::stores::etcd {

class Client::Watching {
 public:
  // `unauthorized`: the token is to be made anew before the next try.
  Watching(Transport& transport, WatchWish wish, std::function<void()> unauthorized);

  void open(std::size_t endpoint, const std::string& token);  // in place of what is open
  void close();
  bool is_open() const { return stream_ != nullptr; }
  std::size_t endpoint() const { return endpoint_; }
  void tick();  // asks whether the stream is alive, ends it if not

 private:
  using Clock = std::chrono::steady_clock;

  void received(std::string_view bytes);

  Transport& transport_;
  WatchWish wish_;
  std::function<void()> unauthorized_;
  std::shared_ptr<Transport::Stream> stream_;
  std::size_t endpoint_ = 0;
  bool created_ = false;
  bool anew_ = false;  // what was between is lost: from now on, and the host is told
  Clock::time_point heard_, asked_;
};

}  // namespace lockkeeper::stores::etcd
