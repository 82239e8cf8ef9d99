// Workflows at a Kubernetes API server: read one, write one. What goes wrong is a value that says which row of the
// agent's table applies, not an exception: one lock's trouble never stops the others.
#pragma once

#include <string>
#include <string_view>

#include "agent/endpoint.h"

namespace lockkeeper::agent {

// A lock's fields come from outside, and the API server takes an encoded slash for a slash: what is no name of
// Kubernetes must not get into a URL. Pure.
bool valid_namespace(std::string_view name) noexcept;      // [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most 63
bool valid_workflow_name(std::string_view name) noexcept;  // such labels with dots between, at most 253

// What the agent asks of a cluster. The body of `ok` is the workflow as JSON. Names that are not valid are
// `rejected`, without a request. `interrupt` may be null.
class WorkflowApi {
 public:
  virtual ~WorkflowApi() = default;
  virtual ApiAnswer get_workflow(const std::string& workflow_namespace, const std::string& name,
                                 const http::Interrupt* interrupt) = 0;
  // application/merge-patch+json, with metadata.resourceVersion in it.
  virtual ApiAnswer patch_workflow(const std::string& workflow_namespace, const std::string& name,
                                   const std::string& merge_patch, const http::Interrupt* interrupt) = 0;
  // The whole object, for deployments that grant `update` alone.
  virtual ApiAnswer put_workflow(const std::string& workflow_namespace, const std::string& name,
                                 const std::string& workflow, const http::Interrupt* interrupt) = 0;
};

// Not thread-safe, like the endpoint under it: one a thread; they may share credentials.
class KubernetesApi : public WorkflowApi {
 public:
  explicit KubernetesApi(Endpoint& endpoint) : endpoint_(endpoint) {}

  ApiAnswer get_workflow(const std::string& workflow_namespace, const std::string& name,
                         const http::Interrupt* interrupt) override;
  ApiAnswer patch_workflow(const std::string& workflow_namespace, const std::string& name,
                           const std::string& merge_patch, const http::Interrupt* interrupt) override;
  ApiAnswer put_workflow(const std::string& workflow_namespace, const std::string& name,
                         const std::string& workflow, const http::Interrupt* interrupt) override;

 private:
  ApiAnswer ask(EndpointRequest request, const std::string& workflow_namespace, const std::string& name,
                const http::Interrupt* interrupt);

  Endpoint& endpoint_;
};

}  // namespace lockkeeper::agent
