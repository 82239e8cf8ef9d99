// Resumes over the Kubernetes API: GET, then PATCH (or PUT) with the resourceVersion that was read and our mark.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "agent/kubernetes.h"
#include "agent/route.h"

namespace lockkeeper::agent {

enum class Verb { patch, put };

class KubernetesRoute : public Route {
 public:
  // With Verb::patch, PUT is fallen back to in namespaces where only `update` is granted.
  KubernetesRoute(WorkflowApi& api, RouteTerms terms, Verb verb);

  Outcome resume(const client::Gate& gate) override;

 private:
  ApiAnswer write(const client::Gate& gate, std::string_view workflow, const std::string& patch);

  WorkflowApi& api_;
  const RouteTerms terms_;
  const Verb verb_;
  std::set<std::string> put_in_;  // namespaces
};

}  // namespace lockkeeper::agent
