#include "locks/gate.h"

#include <utility>

#include "locks/rules.h"

namespace lockkeeper::locks {
namespace {

Decision as_it_is(const Situation& now) {
  return {Gated{now.version(), now.record.gate, false}, std::nullopt};
}

// The gate becomes `gate`; none: it is deleted.
Decision becomes(const Situation& now, What what, std::optional<Gate> gate, std::string reason = "") {
  Change change;
  change.expected = now.version();
  change.head = now.record.head;
  Event event;
  event.version = ++change.head.version;
  event.at = change.head.changed = now.around.now;
  event.what = what;
  const Gate& told = gate ? *gate : *now.record.gate;
  event.holder = told.workflow_namespace + "/" + told.workflow;
  event.by = now.caller.by;
  event.door = now.caller.door;
  event.reason = std::move(reason);
  change.events.push_back(std::move(event));
  change.head.key = gate ? "gate" : "";
  change.head.timed = gate && gate->status == Gate::Status::released ? 1 : 0;
  if (gate) {
    change.rows.emplace_back(*gate);
  } else {
    change.rows.emplace_back(RowId{RowKind::gate, ""});
  }
  return {Gated{change.head.version, std::move(gate), true}, std::move(change)};
}

// An id is used once, as far as is remembered: a late copy of the request that created it, or another use of the
// id, brings no deleted gate back. What resumed its workflow goes by the id.
Decision decide_gate(const Situation& now, const CreateGate& create) {
  const bool deleted = now.record.head.changed != WallTime();
  if (now.record.gate || deleted) return as_it_is(now);
  Gate gate;
  gate.workflow = create.workflow;
  gate.workflow_namespace = create.workflow_namespace;
  gate.created = gate.changed = now.around.now;
  return becomes(now, What::created, std::move(gate));
}

Decision decide_gate(const Situation& now, const ReleaseGate&) {
  if (!now.record.gate || now.record.gate->status == Gate::Status::released) return as_it_is(now);
  Gate gate = *now.record.gate;
  gate.status = Gate::Status::released;
  gate.changed = now.around.now;
  return becomes(now, What::released, std::move(gate));
}

Decision decide_gate(const Situation& now, const DeleteGate&) {
  if (!now.record.gate) return as_it_is(now);
  const bool locked = now.record.gate->status == Gate::Status::locked;
  return becomes(now, What::deleted, std::nullopt, locked ? "it was locked" : "");
}

Decision decide_gate(const Situation& now, const NoteGate& note) {
  if (!now.record.gate || now.record.gate->note == note.note) return as_it_is(now);
  Gate gate = *now.record.gate;
  gate.note = note.note;
  return becomes(now, What::noted, std::move(gate), note.note);
}

Decision decide_gate(const Situation& now, const InspectGate&) {
  return as_it_is(now);
}

}  // namespace

std::string gate_name(std::string_view id) {
  return std::string(gate_prefix).append(id);
}

bool is_gate(std::string_view name) {
  return name.starts_with(gate_prefix);
}

std::string_view gate_id(std::string_view name) {
  return name.substr(gate_prefix.size());
}

Decision decide_one(const Situation& now, const OfGate& of_gate) {
  return std::visit([&](const auto& what) { return decide_gate(now, what); }, of_gate.what);
}

}  // namespace lockkeeper::locks
