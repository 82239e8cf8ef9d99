#include "agent/kubernetes.h"

#include "agent/shown_text.h"

namespace lockkeeper::agent {

namespace {

constexpr std::size_t most_namespace_bytes = 63;
constexpr std::size_t most_name_bytes = 253;

bool small_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool label(std::string_view text) {
  if (text.empty() || !small_alphanumeric(text.front()) || !small_alphanumeric(text.back())) return false;
  for (const char c : text) {
    if (!small_alphanumeric(c) && c != '-') return false;
  }
  return true;
}

ApiAnswer not_a_name(const char* what, const std::string& text) {
  ApiAnswer answer;
  answer.kind = ApiAnswer::Kind::rejected;
  answer.message = std::string(what) + " '" + shown_text(text) + "' is no name that Kubernetes gives";
  return answer;
}

}  // namespace

bool valid_namespace(std::string_view name) noexcept {
  return name.size() <= most_namespace_bytes && label(name);
}

bool valid_workflow_name(std::string_view name) noexcept {
  if (name.size() > most_name_bytes) return false;
  for (;;) {
    const auto dot = name.find('.');
    if (!label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

ApiAnswer KubernetesApi::get_workflow(const std::string& workflow_namespace, const std::string& name,
                                      const http::Interrupt* interrupt) {
  return ask({.method = "GET"}, workflow_namespace, name, interrupt);
}

ApiAnswer KubernetesApi::patch_workflow(const std::string& workflow_namespace, const std::string& name,
                                        const std::string& merge_patch, const http::Interrupt* interrupt) {
  return ask({.method = "PATCH", .path = {}, .content_type = "application/merge-patch+json", .body = merge_patch},
             workflow_namespace, name, interrupt);
}

ApiAnswer KubernetesApi::put_workflow(const std::string& workflow_namespace, const std::string& name,
                                      const std::string& workflow, const http::Interrupt* interrupt) {
  return ask({.method = "PUT", .path = {}, .content_type = "application/json", .body = workflow},
             workflow_namespace, name, interrupt);
}

ApiAnswer KubernetesApi::ask(EndpointRequest request, const std::string& workflow_namespace,
                             const std::string& name, const http::Interrupt* interrupt) {
  if (!valid_namespace(workflow_namespace)) return not_a_name("namespace", workflow_namespace);
  if (!valid_workflow_name(name)) return not_a_name("workflow", name);
  request.path = "/apis/argoproj.io/v1alpha1/namespaces/" + workflow_namespace + "/workflows/" + name;
  return endpoint_.send(request, interrupt);
}

}  // namespace lockkeeper::agent
