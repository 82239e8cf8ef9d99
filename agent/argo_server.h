// Resumes by an Argo Server, which also reaches nodes that are offloaded to a database. It keeps no mark: who is
// killed between its answer and the gate's deletion resumes again (docs/agent.md).
#pragma once

#include <optional>

#include "agent/endpoint.h"
#include "agent/route.h"

namespace lockkeeper::agent {

class ArgoServerRoute : public Route {
 public:
  using Send = std::function<ApiAnswer(const EndpointRequest&, const http::Interrupt*)>;
  ArgoServerRoute(Send send, RouteTerms terms);

  Outcome resume(const client::Gate& gate) override;

 private:
  std::optional<Outcome> look(const client::Gate& gate);

  Send send_;
  const RouteTerms terms_;
};

}  // namespace lockkeeper::agent
