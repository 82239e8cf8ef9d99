// What is to be done with a workflow whose gate was released. Pure: the object comes in as the API server wrote it,
// the time and the names as arguments. How Argo resumes, and why this marks: docs/agent.md.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace lockkeeper::agent {

struct Decision {
  enum class What {
    patch,          // text: a JSON merge patch (RFC 7396) with the object's resourceVersion and our mark
    marked,         // it was resumed for this gate before
    finished,       // text: "Succeeded", "completed", "being deleted"
    not_suspended,  // nothing to resume yet
    cannot          // text: why
  };
  What what;
  std::string text;
};

// `workflow`: a Workflow of argoproj.io/v1alpha1. All active suspend nodes are resumed, and spec.suspend.
Decision decide_resume(std::string_view workflow, const std::string& gate_id, std::chrono::sys_seconds now,
                       const std::string& domain);

// The whole object with the patch applied: for PUT. Both must be objects, as decide_resume() read and wrote them.
std::string patched(std::string_view workflow, std::string_view patch);

// "<domain>/resumed-<id>"; an id that does not fit into an annotation's name is hashed.
std::string mark_name(const std::string& domain, const std::string& gate_id);

}  // namespace lockkeeper::agent
