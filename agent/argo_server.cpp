#include "agent/argo_server.h"

#include <utility>

#include "agent/kubernetes.h"
#include "agent/resume.h"

namespace lockkeeper::agent {
namespace {

using Kind = Outcome::Kind;

}  // namespace

ArgoServerRoute::ArgoServerRoute(Send send, RouteTerms terms) : send_(std::move(send)), terms_(std::move(terms)) {}

Outcome ArgoServerRoute::resume(const client::Gate& gate) {
  // Names are also what keeps "@latest", the server's word for the newest workflow, from it.
  if (!valid_namespace(gate.workflow_namespace)) return {Kind::bad_name, "its namespace is no Kubernetes name", {}};
  if (!valid_workflow_name(gate.workflow)) return {Kind::bad_name, "its workflow is no Kubernetes name", {}};
  EndpointRequest request;
  request.path = "/api/v1/workflows/" + gate.workflow_namespace + "/" + gate.workflow;
  // A resume of what is not suspended is a 200 too, and the release would be lost.
  const ApiAnswer read = send_(request, terms_.interrupt);
  if (read.kind != ApiAnswer::Kind::ok) return outcome_of(read);
  const Decision decision = decide_resume(read.body, gate.id, terms_.clock.wall(), terms_.domain);
  if (decision.what == Decision::What::finished) return {Kind::finished, decision.text, {}};
  if (decision.what == Decision::What::marked) return {Kind::marked, "", {}};  // by an agent of the other route
  if (decision.what == Decision::What::not_suspended) {
    return {Kind::not_suspended, "the workflow is not suspended (yet)", {}};
  }
  // What this agent cannot do (packed or offloaded nodes) the server can, or says why not.
  if (!terms_.may_write()) return {Kind::interrupted, "", {}};
  request.method = "PUT";
  request.path += "/resume";
  request.content_type = "application/json";
  request.body = "{}";
  const ApiAnswer resumed = send_(request, terms_.interrupt);
  if (resumed.kind != ApiAnswer::Kind::ok) return outcome_of(resumed);
  return {Kind::resumed, "", {}};
}

}  // namespace lockkeeper::agent
