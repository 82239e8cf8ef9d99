#include "agent/resume.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <variant>

#include "agent/merge_patch.h"
#include "agent/packed_nodes.h"

namespace lockkeeper::agent {
namespace {

using rapidjson::Value;
using What = Decision::What;

// Ends in decide_resume() as Decision::cannot.
struct Cannot {
  std::string why;
};

const Value* member(const Value* object, const char* name) {
  if (!object || !object->IsObject()) return nullptr;
  const auto at = object->FindMember(name);
  return at == object->MemberEnd() || at->value.IsNull() ? nullptr : &at->value;
}

std::string_view text(const Value* value) {
  return value && value->IsString() ? std::string_view(value->GetString(), value->GetStringLength())
                                    : std::string_view();
}

std::string_view text_of(const Value* object, const char* name) {
  return text(member(object, name));
}

std::string time_text(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

std::string end_of(const Value* metadata, const Value* status) {
  const std::string_view phase = text_of(status, "phase");
  for (const std::string_view end : {"Succeeded", "Failed", "Error"}) {
    if (phase == end) return std::string(end);
  }
  if (text_of(member(metadata, "labels"), "workflows.argoproj.io/completed") == "true") return "completed";
  return text_of(metadata, "deletionTimestamp").empty() ? "" : "being deleted";
}

// Builds the merge patch of one workflow.
class Patch {
 public:
  Patch(std::string now, rapidjson::Document& patch)
      : now_(std::move(now)), patch_(patch), memory_(patch.GetAllocator()) {
    patch_.SetObject();
  }

  // False: it is not suspended as a whole.
  bool resume_spec(const Value* spec) {
    const Value* suspend = member(spec, "suspend");
    if (!suspend || !suspend->IsBool() || !suspend->GetBool()) return false;
    Value fields(rapidjson::kObjectType);
    fields.AddMember("suspend", Value(), memory_);
    patch_.AddMember("spec", fields, memory_);
    return true;
  }

  // False: no node waits.
  bool resume_nodes(const Value* status) {
    if (!text_of(status, "offloadNodeStatusVersion").empty()) {
      throw Cannot{"its nodes are offloaded to a database, which only an Argo Server can change (--argo-server)"};
    }
    const Value* nodes = member(status, "nodes");
    const std::string_view packed = text_of(status, "compressedNodes");
    if (!packed.empty() && (!nodes || !nodes->IsObject() || nodes->ObjectEmpty())) return resume_packed(packed);
    Value changes = changes_of(nodes);
    if (changes.ObjectEmpty()) return false;
    set_status("nodes", changes);
    return true;
  }

  void mark(const std::string& name, std::string_view resource_version) {
    Value annotations(rapidjson::kObjectType);
    annotations.AddMember(string(name), string(now_), memory_);
    Value metadata(rapidjson::kObjectType);
    metadata.AddMember("resourceVersion", string(resource_version), memory_);
    metadata.AddMember("annotations", annotations, memory_);
    patch_.AddMember("metadata", metadata, memory_);
  }

 private:
  Value string(std::string_view value) {
    return Value(value.data(), static_cast<rapidjson::SizeType>(value.size()), memory_);
  }

  void set_status(const char* name, Value& value) {
    Value status(rapidjson::kObjectType);
    status.AddMember(rapidjson::StringRef(name), value, memory_);
    patch_.AddMember("status", status, memory_);
  }

  // In the same encoding: unpacked, it might not fit into one object any more.
  bool resume_packed(std::string_view packed) {
    // One at a time: what is unpacked to 64 MiB takes up to 1 GiB as a tree, and its author is not us.
    static std::mutex alone;
    const std::scoped_lock guard(alone);
    auto unpacked = unpack_nodes(packed);
    if (const auto* fault = std::get_if<PackingFault>(&unpacked)) throw Cannot{fault->why};
    rapidjson::Document nodes;
    if (!parse_json(std::get<std::string>(unpacked), nodes) || !nodes.IsObject()) {
      throw Cannot{"the packed nodes are not a JSON object"};
    }
    const Value changes = changes_of(&nodes);
    if (changes.ObjectEmpty()) return false;
    merge(nodes, changes, nodes.GetAllocator());
    Value again = string(pack_nodes(json_text(nodes)));
    set_status("compressedNodes", again);
    return true;
  }

  Value changes_of(const Value* nodes) {
    Value changes(rapidjson::kObjectType);
    if (!nodes || !nodes->IsObject()) return changes;
    for (const auto& [id, node] : nodes->GetObject()) {
      if (text_of(&node, "type") != "Suspend" || text_of(&node, "phase") != "Running") continue;
      Value change(rapidjson::kObjectType);
      change.AddMember("phase", "Succeeded", memory_);
      change.AddMember("finishedAt", string(now_), memory_);
      const std::string_view before = text_of(&node, "message");
      change.AddMember("message", string((before.empty() ? "" : std::string(before) + "; ") + "resumed by lockagt"),
                       memory_);
      add_outputs(node, change);
      changes.AddMember(Value(id, memory_), change, memory_);
    }
    return changes;
  }

  // A merge patch replaces the whole array, so every parameter is sent again, complete.
  void add_outputs(const Value& node, Value& change) {
    const Value* given = member(member(&node, "outputs"), "parameters");
    if (!given || !given->IsArray()) return;
    Value parameters;
    parameters.CopyFrom(*given, memory_);
    bool changed = false;
    for (Value& parameter : parameters.GetArray()) changed |= supply(node, parameter);
    if (!changed) return;
    Value outputs(rapidjson::kObjectType);
    outputs.AddMember("parameters", parameters, memory_);
    change.AddMember("outputs", outputs, memory_);
  }

  // What somebody was to supply takes its default, or nothing is resumed, as Argo does.
  bool supply(const Value& node, Value& parameter) {
    const Value* from = member(&parameter, "valueFrom");
    if (!member(from, "supplied")) return false;
    const Value* standard = member(from, "default");
    if (!standard) {
      throw Cannot{"output parameter '" + std::string(text_of(&parameter, "name")) + "' of node '" +
                   std::string(text_of(&node, "name")) + "' has not been set and has no default"};
    }
    Value value;
    value.CopyFrom(*standard, memory_);
    parameter.RemoveMember("valueFrom");
    parameter.RemoveMember("value");
    parameter.AddMember("value", value, memory_);
    return true;
  }

  const std::string now_;
  rapidjson::Document& patch_;
  rapidjson::Document::AllocatorType& memory_;
};

Decision decide(const Value& workflow, const std::string& mark, const std::string& now) {
  const Value* metadata = member(&workflow, "metadata");
  const Value* status = member(&workflow, "status");
  const std::string_view version = text_of(metadata, "resourceVersion");
  if (version.empty()) return {What::cannot, "the API server's answer is no workflow: it has no resourceVersion"};
  if (member(member(metadata, "annotations"), mark.c_str())) return {What::marked, ""};
  if (std::string end = end_of(metadata, status); !end.empty()) return {What::finished, std::move(end)};
  rapidjson::Document document;
  Patch patch(now, document);
  const bool spec = patch.resume_spec(member(&workflow, "spec"));
  const bool nodes = patch.resume_nodes(status);
  if (!spec && !nodes) return {What::not_suspended, ""};
  patch.mark(mark, version);
  return {What::patch, json_text(document)};
}

bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string hashed(const std::string& id) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(id.data()), id.size(), digest.data());
  std::string hex = "sha256-";
  for (std::size_t i = 0; i < 20; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

}  // namespace

Decision decide_resume(std::string_view workflow, const std::string& gate_id, std::chrono::sys_seconds now,
                       const std::string& domain) {
  rapidjson::Document document;
  if (!parse_json(workflow, document) || !document.IsObject()) {
    return {What::cannot, "the API server's answer is no JSON object"};
  }
  try {
    return decide(document, mark_name(domain, gate_id), time_text(now));
  } catch (const Cannot& cannot) {
    return {What::cannot, cannot.why};
  }
}

std::string patched(std::string_view workflow, std::string_view patch) {
  rapidjson::Document document, changes;
  parse_json(workflow, document);
  parse_json(patch, changes);
  merge(document, changes, document.GetAllocator());
  return json_text(document);
}

std::string mark_name(const std::string& domain, const std::string& gate_id) {
  constexpr std::size_t most = 63;
  const std::string prefix = "resumed-";
  const bool fits = !gate_id.empty() && prefix.size() + gate_id.size() <= most && alphanumeric(gate_id.back()) &&
                    std::all_of(gate_id.begin(), gate_id.end(),
                                [&](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
  return domain + "/" + prefix + (fits ? gate_id : hashed(gate_id));
}

}  // namespace lockkeeper::agent
