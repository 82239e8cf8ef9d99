// GET /health (200 while the loop turns, else 503) and GET /metrics, for whoever watches the agent.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "agent/tally.h"
#include "http/listener.h"
#include "http/metrics_page.h"

namespace lockkeeper::agent {

class Page : public http::Service {
 public:
  Page(const Agent& agent, const Tally& tally, std::function<bool()> well);

  void serve(http::Exchange& exchange) override;
  http::Response fault(unsigned status, std::string_view text) override;
  void finished(const http::Exchange&, unsigned, std::size_t) override {}
  void faulted(std::uint64_t, std::string_view, unsigned, std::string_view) override {}

 private:
  http::Response answer(const http::Request& request) const;
  std::function<bool()> well_;
  http::MetricsPage metrics_;
};

}  // namespace lockkeeper::agent
