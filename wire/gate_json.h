// The JSON of the workflow door: what the server writes and its clients read. Texts as in native_json.h.
//
//   Gate    {"id","status":"locked"|"released","created","lastChange","workflow","namespace","note"?}
//   List    {"locks":[Gate],"more"}
//   Feed    {"locks":[Gate],"cursor","reset"?}      "reset": true, or it is not there
//   Unknown {"error","id"}                          404 for an id, not for a path
//
// Bodies of requests are objects; a comma after the last member is taken, since the README's example has one, and
// what is not known is ignored.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "locks/record.h"

namespace lockkeeper::wire {

// ---- ids: UUIDs (RFC 9562), written in lower case

// nullopt: it is none.
std::optional<std::string> parse_uuid(std::string_view text);
// Version 4, of 32 random hexadecimal digits.
std::string random_uuid(std::string_view digits);

// ---- read by the server

struct CreateGateBody {
  std::string workflow;
  std::string workflow_namespace;
  std::string id;  // chosen by the client, as it was sent; empty: not chosen
};

// Otherwise what is wrong, as a sentence for the client.
std::variant<CreateGateBody, std::string> parse_create_gate(std::string_view body);
struct NoteGateBody {
  std::string note;
};
std::variant<NoteGateBody, std::string> parse_note_gate(std::string_view body);

// ---- written by the server; each appends to `out`

void write_gate(std::string_view id, const locks::Gate& gate, std::string& out);
void write_gate_member(std::string_view id, const locks::Gate& gate, std::string& out);  // without the newline
void write_unknown_gate(std::string_view error, std::string_view id, std::string& out);

// ---- written by the client

std::string write_body(const CreateGateBody& body);
std::string write_body(const NoteGateBody& body);

// ---- read by the client; each throws WireError (record_json.h) on a wrong shape, ignores unknown members

struct GateView {
  std::string id;
  std::string status;
  std::string workflow, workflow_namespace;
  std::string created, last_change;  // as they were written
  std::string note;
  std::string json;  // the object, with members that are not known here
};

struct GateFeedView {
  std::vector<GateView> gates;
  std::string cursor;
  bool reset = false;
};

GateView read_gate(std::string_view json);
GateFeedView read_gate_feed(std::string_view json);
bool is_unknown_gate(std::string_view json) noexcept;

}  // namespace lockkeeper::wire
