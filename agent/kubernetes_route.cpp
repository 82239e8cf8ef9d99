#include "agent/kubernetes_route.h"

#include <utility>

#include "agent/resume.h"

namespace lockkeeper::agent {
namespace {

using Kind = Outcome::Kind;
using What = Decision::What;

constexpr unsigned kRedone = 5;  // after conflicts, at once
constexpr std::chrono::milliseconds kFirstPause{10};
constexpr std::size_t kMostNamespaces = 10'000;

Outcome outcome_of(const Decision& decision) {
  switch (decision.what) {
    case What::marked:
      return {Kind::marked, "", {}};
    case What::finished:
      return {Kind::finished, decision.text, {}};
    case What::not_suspended:
      return {Kind::not_suspended, "the workflow is not suspended (yet)", {}};
    case What::cannot:
    case What::patch:
      break;
  }
  return {Kind::cannot, decision.text, {}};
}

}  // namespace

KubernetesRoute::KubernetesRoute(WorkflowApi& api, RouteTerms terms, Verb verb)
    : api_(api), terms_(std::move(terms)), verb_(verb) {}

Outcome KubernetesRoute::resume(const client::Gate& gate) {
  if (!valid_namespace(gate.workflow_namespace)) return {Kind::bad_name, "its namespace is no Kubernetes name", {}};
  if (!valid_workflow_name(gate.workflow)) return {Kind::bad_name, "its workflow is no Kubernetes name", {}};
  for (unsigned redone = 0;; ++redone) {
    const ApiAnswer read = api_.get_workflow(gate.workflow_namespace, gate.workflow, terms_.interrupt);
    if (read.kind != ApiAnswer::Kind::ok) return agent::outcome_of(read);
    const Decision decision = decide_resume(read.body, gate.id, terms_.clock.wall(), terms_.domain);
    if (decision.what != What::patch) return outcome_of(decision);
    if (!terms_.may_write()) return {Kind::interrupted, "", {}};
    const ApiAnswer written = write(gate, read.body, decision.text);
    if (written.kind == ApiAnswer::Kind::ok) return {Kind::resumed, "", {}};
    if (written.kind != ApiAnswer::Kind::conflict || redone == kRedone) return agent::outcome_of(written);
    terms_.clock.sleep(kFirstPause * (1 << redone));
  }
}

ApiAnswer KubernetesRoute::write(const client::Gate& gate, std::string_view workflow, const std::string& patch) {
  const std::string& name_space = gate.workflow_namespace;
  const auto put = [&] {
    return api_.put_workflow(name_space, gate.workflow, patched(workflow, patch), terms_.interrupt);
  };
  if (verb_ == Verb::put) return put();
  if (put_in_.contains(name_space)) {
    ApiAnswer answer = put();
    if (answer.kind == ApiAnswer::Kind::forbidden) put_in_.erase(name_space);  // the rights have changed
    return answer;
  }
  ApiAnswer answer = api_.patch_workflow(name_space, gate.workflow, patch, terms_.interrupt);
  if (answer.kind != ApiAnswer::Kind::forbidden || answer.message.find("cannot patch") == std::string::npos) {
    return answer;
  }
  ApiAnswer second = put();
  if (second.kind == ApiAnswer::Kind::forbidden) return answer;
  if (put_in_.size() < kMostNamespaces) put_in_.insert(name_space);
  return second;
}

}  // namespace lockkeeper::agent
