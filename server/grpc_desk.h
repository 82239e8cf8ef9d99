// What the house does for its gRPC service: credentials, the way to the engine and back, log lines, numbers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "http/metrics_page.h"
#include "server/access_log.h"
#include "server/auth.h"
#include "server/doors/grpc_door.h"

namespace lockkeeper::server {

class GrpcCounts {
 public:
  void count(const GrpcCall& call);
  std::vector<http::Family> families() const;

 private:
  struct Times {
    std::vector<std::uint64_t> counts;
    double sum = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> calls_;  // by method and code
  Times times_[2];                                              // of those that waited: [1]
};

// Whatever it was asked is answered on its thread, and what comes late, when the engine has ended, before this is
// gone.
class HouseGrpcDesk final : public GrpcDesk {
 public:
  // `log_buffer`: which of the log's buffers is its own.
  HouseGrpcDesk(engine::Engine& engine, const BasicAuth& auth, const locks::Limits& limits, AccessLog& log,
                std::size_t log_buffer);
  ~HouseGrpcDesk() override;
  HouseGrpcDesk(const HouseGrpcDesk&) = delete;
  HouseGrpcDesk& operator=(const HouseGrpcDesk&) = delete;

  bool admits(std::string_view authorization, std::string& user) const override;
  void ask(IoCall& call) noexcept override;
  const locks::Limits& limits() const override { return limits_; }
  void finished(const GrpcCall& call) noexcept override;
  std::vector<http::Family> families() const { return counts_.families(); }

 private:
  void run();

  engine::Engine& engine_;
  const BasicAuth& auth_;
  const locks::Limits& limits_;
  AccessLog& log_;
  const std::size_t log_buffer_;
  std::atomic<std::uint64_t> last_id_{0};
  GrpcCounts counts_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  IoMailbox mailbox_;
  std::thread thread_;
};

}  // namespace lockkeeper::server
