#include "wire/gate_json.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "wire/json_in.h"
#include "wire/json_out.h"
#include "wire/record_json.h"
#include "wire/time_text.h"

namespace lockkeeper::wire {

namespace {

constexpr std::size_t uuid_digits = 32;

bool dash_at(std::size_t at) {
  return at == 8 || at == 13 || at == 18 || at == 23;
}

// A text member of a request's body.
struct Field {
  const char* name;
  std::string* value;
  bool needed;
};

// Takes the fields; the last of duplicates counts. Returns what is wrong; empty: nothing.
std::string read_fields(std::string_view body, std::initializer_list<Field> fields) {
  // Iterative: a body of nothing but brackets costs no stack.
  constexpr unsigned flags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseTrailingCommasFlag | rapidjson::kParseValidateEncodingFlag;
  rapidjson::MemoryStream stream(body.data(), body.size());
  rapidjson::Document document;
  document.ParseStream<flags, rapidjson::UTF8<>>(stream);
  if (document.HasParseError()) {
    return "the body is not JSON, at byte " + std::to_string(document.GetErrorOffset());
  }
  if (!document.IsObject()) return "the body is not a JSON object";
  for (const Field& field : fields) {
    const JsonValue* last = nullptr;
    for (const auto& member : document.GetObject()) {
      if (std::string_view(member.name.GetString(), member.name.GetStringLength()) == field.name) {
        last = &member.value;
      }
    }
    if (last == nullptr || last->IsNull()) {
      if (field.needed) return std::string(field.name) + " is missing";
    } else if (!last->IsString()) {
      return std::string(field.name) + " must be a text";
    } else {
      field.value->assign(last->GetString(), last->GetStringLength());
    }
  }
  return {};
}

JsonOut begin(std::string& out) {
  out += '{';
  return {out, Escapes::web};
}

GateView gate_of(const JsonValue& row) {
  GateView gate;
  gate.id = need_text(row, "id");
  gate.status = need_text(row, "status");
  gate.workflow = text_or_empty(row, "workflow");
  gate.workflow_namespace = text_or_empty(row, "namespace");
  gate.created = text_or_empty(row, "created");
  gate.last_change = text_or_empty(row, "lastChange");
  gate.note = text_or_empty(row, "note");
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  for (const auto& member : row.GetObject()) {
    if (member.value.IsObject() || member.value.IsArray()) continue;  // none of ours; and as deep as somebody likes
    member.name.Accept(writer);
    member.value.Accept(writer);
  }
  writer.EndObject();
  gate.json.assign(buffer.GetString(), buffer.GetSize());
  return gate;
}

}  // namespace

std::optional<std::string> parse_uuid(std::string_view text) {
  if (text.size() != uuid_digits + 4) return std::nullopt;
  std::string id(text);
  for (std::size_t at = 0; at < id.size(); ++at) {
    char& c = id[at];
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash_at(at) ? c != '-' : !digit) return std::nullopt;
  }
  return id;
}

std::string random_uuid(std::string_view digits) {
  std::string id(digits.substr(0, uuid_digits));
  id[12] = '4';
  // The variant's two bits are 10; the other two stay random.
  const char c = id[16];
  const int value = c >= 'a' ? c - 'a' + 10 : c - '0';
  id[16] = "89ab"[value & 3];
  for (const std::size_t at : {8U, 13U, 18U, 23U}) id.insert(at, 1, '-');
  return id;
}

std::variant<CreateGateBody, std::string> parse_create_gate(std::string_view body) {
  CreateGateBody create;
  std::string fault = read_fields(body, {{"workflow", &create.workflow, true},
                                         {"namespace", &create.workflow_namespace, true},
                                         {"id", &create.id, false}});
  if (!fault.empty()) return fault;
  return create;
}

std::variant<NoteGateBody, std::string> parse_note_gate(std::string_view body) {
  NoteGateBody note;
  std::string fault = read_fields(body, {{"note", &note.note, true}});
  if (!fault.empty()) return fault;
  return note;
}

void write_gate_member(std::string_view id, const locks::Gate& gate, std::string& out) {
  const bool released = gate.status == locks::Gate::Status::released;
  JsonOut json = begin(out);
  json.name("id").text(id).name("status").text(released ? "released" : "locked");
  json.name("created").text(time_text(gate.created)).name("lastChange").text(time_text(gate.changed));
  json.name("workflow").text(gate.workflow).name("namespace").text(gate.workflow_namespace);
  if (!gate.note.empty()) json.name("note").text(gate.note);
  json.close('}');
}

void write_gate(std::string_view id, const locks::Gate& gate, std::string& out) {
  write_gate_member(id, gate, out);
  out += '\n';
}

void write_unknown_gate(std::string_view error, std::string_view id, std::string& out) {
  begin(out).name("error").text(error).name("id").text(id).close('}');
  out += '\n';
}

std::string write_body(const CreateGateBody& body) {
  std::string out;
  JsonOut json = begin(out);
  json.name("workflow").text(body.workflow).name("namespace").text(body.workflow_namespace);
  if (!body.id.empty()) json.name("id").text(body.id);
  json.close('}');
  return out;
}

std::string write_body(const NoteGateBody& body) {
  std::string out;
  begin(out).name("note").text(body.note).close('}');
  return out;
}

GateView read_gate(std::string_view json) {
  const JsonTree tree(json);
  return gate_of(tree.top());
}

GateFeedView read_gate_feed(std::string_view json) {
  const JsonTree tree(json);
  GateFeedView feed;
  feed.cursor = need_text(tree.top(), "cursor");
  feed.reset = flag(tree.top(), "reset");
  const JsonValue* gates = find(tree.top(), "locks");
  if (gates == nullptr) wrong("locks is missing");
  for (const JsonValue& gate : array(*gates, "locks").GetArray())
    feed.gates.push_back(gate_of(object(gate, "lock")));
  return feed;
}

bool is_unknown_gate(std::string_view json) noexcept {
  try {
    const JsonTree tree(json);
    return !need_text(tree.top(), "error").empty() && find(tree.top(), "id") != nullptr;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace lockkeeper::wire
