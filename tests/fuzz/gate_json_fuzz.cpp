// Bodies at the workflow door, and what its clients read: whatever comes is fields or a fault, and what we write
// back is read as the same.
#include <variant>

#include "fuzzed.h"
#include "locks/limits.h"
#include "wire/gate_json.h"
#include "wire/record_json.h"

namespace locks = lockkeeper::locks;
namespace wire = lockkeeper::wire;

namespace {

void read_back(const wire::CreateGateBody& body) {
  for (const std::string* field : {&body.workflow, &body.workflow_namespace, &body.id}) {
    PROMISE(locks::valid_utf8(*field));
  }
  const auto again = wire::parse_create_gate(wire::write_body(body));
  PROMISE(std::holds_alternative<wire::CreateGateBody>(again));
  const auto& copy = std::get<wire::CreateGateBody>(again);
  PROMISE(copy.workflow == body.workflow && copy.workflow_namespace == body.workflow_namespace &&
          copy.id == body.id);

  locks::Gate gate;
  gate.workflow = body.workflow;
  gate.workflow_namespace = body.workflow_namespace;
  gate.note = body.id;
  std::string text;
  wire::write_gate(body.id, gate, text);
  const wire::GateView view = wire::read_gate(text);
  PROMISE(view.id == body.id && view.workflow == body.workflow && view.note == body.id);
}

void read_answers(std::string_view text) {
  try {
    const wire::GateView view = wire::read_gate(text);
    PROMISE(wire::read_gate(view.json).id == view.id && wire::read_gate(view.json).note == view.note);
  } catch (const wire::WireError&) {
  }
  try {
    for (const wire::GateView& gate : wire::read_gate_feed(text).gates)
      PROMISE(wire::read_gate(gate.json).id == gate.id);
  } catch (const wire::WireError&) {
  }
  wire::is_unknown_gate(text);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const auto create = wire::parse_create_gate(text);
  if (const auto* body = std::get_if<wire::CreateGateBody>(&create)) {
    read_back(*body);
  } else {
    PROMISE(!std::get<std::string>(create).empty());
  }
  const auto note = wire::parse_note_gate(text);
  if (const auto* body = std::get_if<wire::NoteGateBody>(&note)) {
    const auto again = wire::parse_note_gate(wire::write_body(*body));
    PROMISE(std::holds_alternative<wire::NoteGateBody>(again));
    PROMISE(std::get<wire::NoteGateBody>(again).note == body->note);
  }
  read_answers(text);
  if (const auto id = wire::parse_uuid(text)) PROMISE(wire::parse_uuid(*id) == id);
  return 0;
}
