// A way to resume workflows: over the Kubernetes API, or by an Argo Server. Blocking, one a thread.
#pragma once

#include <functional>
#include <string>

#include "agent/clock.h"
#include "agent/outcome.h"
#include "client/gate_client.h"

namespace lockkeeper::agent {

class Route {
 public:
  virtual ~Route() = default;
  // Once through: reads, decides, writes. Does not touch the gate.
  virtual Outcome resume(const client::Gate& gate) = 0;
};

// What a route is told. All outlive it.
struct RouteTerms {
  Clock& clock;
  const http::Interrupt* interrupt = nullptr;  // of its requests; may be null
  std::function<bool()> may_write;             // asked before each write: whether we still lead
  std::string domain = "lockkeeper.dev";       // of the marks
};

}  // namespace lockkeeper::agent
