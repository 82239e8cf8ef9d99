#include "agent/argo_server.h"

#include <utility>

#include "agent/kubernetes.h"
#include "agent/resume.h"

namespace lockkeeper::agent {
namespace {

using Kind = Outcome::Kind;

std::string path_of(const client::Gate& gate) {
  return "/api/v1/workflows/" + gate.workflow_namespace + "/" + gate.workflow;
}

}  // namespace

ArgoServerRoute::ArgoServerRoute(Send send, RouteTerms terms) : send_(std::move(send)), terms_(std::move(terms)) {}

Outcome ArgoServerRoute::resume(const client::Gate& gate) {
  // Names are also what keeps "@latest", the server's word for the newest workflow, from it.
  if (!valid_namespace(gate.workflow_namespace)) return {Kind::bad_name, "its namespace is no Kubernetes name", {}};
  if (!valid_workflow_name(gate.workflow)) return {Kind::bad_name, "its workflow is no Kubernetes name", {}};
  // A resume of what is not suspended is a 200 too, and the release would be lost.
  if (auto settled = look(gate)) return *settled;
  // What this agent cannot do (packed or offloaded nodes) the server can, or says why not.
  if (!terms_.may_write()) return {Kind::interrupted, "", {}};
  EndpointRequest request;
  request.method = "PUT";
  request.path = path_of(gate) + "/resume";
  request.content_type = "application/json";
  request.body = "{}";
  const ApiAnswer resumed = send_(request, terms_.interrupt);
  if (resumed.kind == ApiAnswer::Kind::ok) return {Kind::resumed, "", {}};
  if (resumed.kind == ApiAnswer::Kind::unreachable) {
    // It may have got through. Later on, the same look would say that the workflow is not suspended yet.
    const auto after = look(gate);
    if (after && (after->kind == Kind::not_suspended || after->kind == Kind::finished))
      return {Kind::resumed, "", {}};
  }
  return outcome_of(resumed);
}

// What is to be said of the workflow unless it is suspended.
std::optional<Outcome> ArgoServerRoute::look(const client::Gate& gate) {
  EndpointRequest request;
  request.path = path_of(gate);
  const ApiAnswer read = send_(request, terms_.interrupt);
  if (read.kind != ApiAnswer::Kind::ok) return outcome_of(read);
  const Decision decision = decide_resume(read.body, gate.id, terms_.clock.wall(), terms_.domain);
  if (decision.what == Decision::What::finished) return Outcome{Kind::finished, decision.text, {}};
  if (decision.what == Decision::What::marked) return Outcome{Kind::marked, "", {}};  // by the other route
  if (decision.what == Decision::What::not_suspended) {
    return Outcome{Kind::not_suspended, "the workflow is not suspended (yet)", {}};
  }
  return std::nullopt;
}

}  // namespace lockkeeper::agent
