// Everything between the listener and the doors: who may come in, which door, what the log says.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "http/metrics_page.h"
#include "server/access_log.h"
#include "server/auth.h"
#include "server/doors/door.h"
#include "server/doors/doors.h"
#include "server/doors/open_polls.h"
#include "server/request_metrics.h"

namespace lockkeeper::server {

class Service final : public http::Service, public FrontDesk {
 public:
  Service(engine::Engine& engine, const BasicAuth& auth, const locks::Limits& limits, AccessLog& log);

  // Before the listener starts. On listeners of that group a door with prefix "/lockd" gets "/lockd/lock/a" as
  // "/lock/a"; the one with an empty prefix gets what no other takes. The door, of that kind, outlives this.
  void mount(std::size_t group, std::string prefix, Door& door, const DoorKind& kind);
  // Which group each of the listener's endpoints is of.
  void group_endpoints(std::vector<std::size_t> groups) { groups_ = std::move(groups); }
  void connect(http::Listener& listener);
  // When both have ended: lets go of answers that nobody waits for.
  void disconnect();
  // Requests that wait for a lock are answered 503 soon. Any thread.
  void send_waiters_home(http::Listener& listener);

  void serve(http::Exchange& exchange) override;
  http::Response fault(unsigned status, std::string_view text) override;
  void finished(const http::Exchange& exchange, unsigned status, std::size_t body_bytes) override;
  void faulted(std::uint64_t id, std::string_view peer, unsigned status, std::string_view text) override;

  bool admits(const http::Request& request, std::string& user) const override;
  void ask(IoCall& call, std::size_t io) override;
  bool ready() const override;
  engine::Counters counters() const override { return engine_.counters(); }
  OpenPolls& polls(std::size_t io) override { return polls_[io]; }
  const locks::Limits& limits() const override { return limits_; }
  void add_metrics(http::MetricsPage::Source source) override { metrics_.add(std::move(source)); }
  std::string metrics_text() const override { return metrics_.text(); }

 private:
  struct Mount {
    std::string prefix;
    Door* door;
    std::uint32_t mark;  // of requests that it counts under no route
  };

  engine::Engine& engine_;
  const BasicAuth& auth_;
  const locks::Limits& limits_;
  AccessLog& log_;
  std::vector<std::size_t> groups_;         // by endpoint
  std::vector<std::vector<Mount>> mounts_;  // by group, the longest prefix first
  std::vector<std::unique_ptr<IoMailbox>> mailboxes_;
  std::vector<OpenPolls> polls_;  // one an I/O thread
  RequestMetrics requests_;
  http::MetricsPage metrics_;
};

}  // namespace lockkeeper::server
