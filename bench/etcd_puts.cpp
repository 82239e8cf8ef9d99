// Bare puts over gRPC, the reference of the store etcd://: C clients, each with one put of 120 bytes under way, on
// the channel that the store uses. Prints one JSON object.
//
//   etcd_puts --port P --connections C --seconds S
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "stores/etcd/client.h"

namespace {

namespace etcd = lockkeeper::stores::etcd;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kKeys = 100'000;

class Putting final : private etcd::Client::Host {
 public:
  Putting(const std::string& endpoint, std::uint64_t connections, double seconds)
      : connections_(connections),
        seconds_(seconds),
        client_({.endpoints = {endpoint}, .probe_key = "bench/"}, *this) {}

  // Puts that came back a second.
  double run() {
    client_.start();
    std::unique_lock lock(mutex_);
    if (!over_.wait_for(lock, std::chrono::duration<double>(seconds_ + 30), [this] { return is_over_; })) {
      throw std::runtime_error("etcd does not answer");
    }
    client_.stop();
    if (!fault_.empty()) throw std::runtime_error(fault_);
    return static_cast<double>(done_) / std::chrono::duration<double>(end_ - begin_).count();
  }

 private:
  void back() override {
    if (under_way_ != 0) return;
    begin_ = Clock::now();
    until_ = begin_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds_));
    for (std::uint64_t i = 0; i < connections_; ++i) put(i, 0);
  }

  void put(std::uint64_t connection, std::uint64_t turn) {
    ++under_way_;
    const std::uint64_t key = (connection + turn * connections_) % kKeys;
    client_.put({"bench/" + std::to_string(key), std::string(120, 'x')}, std::chrono::seconds(10),
                [this, connection, turn](etcd::Result<std::int64_t> result) {
                  --under_way_;
                  if (const auto* failure = std::get_if<etcd::Failure>(&result)) return end(failure->why);
                  ++done_;
                  if (Clock::now() < until_) return put(connection, turn + 1);
                  if (under_way_ == 0) end({});
                });
  }

  void end(const std::string& fault) {
    const std::lock_guard lock(mutex_);
    end_ = Clock::now();
    fault_ = fault;
    is_over_ = true;
    over_.notify_all();
  }

  const std::uint64_t connections_;
  const double seconds_;
  std::uint64_t under_way_ = 0, done_ = 0;
  Clock::time_point begin_, until_, end_;
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::string fault_;
  etcd::Client client_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    std::map<std::string, std::string> options{{"--connections", "1"}, {"--seconds", "5"}};
    for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    Putting putting("127.0.0.1:" + options.at("--port"), std::stoull(options["--connections"]),
                    std::stod(options["--seconds"]));
    std::printf("{\"per_second\": %.1f}\n", putting.run());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "etcd_puts: %s\n", error.what());
    return 1;
  }
}
