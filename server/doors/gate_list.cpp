#include "server/doors/gate_list.h"

#include <utility>

#include "locks/gate.h"
#include "wire/gate_json.h"

namespace lockkeeper::server {
namespace {

constexpr std::size_t slice = 500;  // gates, as lock_list's

}  // namespace

std::optional<locks::Gate::Status> parse_gate_status(std::string_view text) {
  if (text == "locked") return locks::Gate::Status::locked;
  if (text == "released") return locks::Gate::Status::released;
  return std::nullopt;
}

std::variant<std::string, GateListQuestion> parse_gate_list_query(std::string_view query) {
  GateListQuestion question;
  if (const auto status = parameter(query, "status")) {
    question.status = parse_gate_status(*status);
    if (!question.status) return "status is neither locked nor released";
  }
  if (const auto after = parameter(query, "after")) {
    const auto id = wire::parse_uuid(*after);
    if (!id) return "after is not an id";
    question.after = *id;
  }
  if (const auto limit = parameter(query, "limit")) {
    question.limit = whole_number(*limit);
    if (!question.limit || *question.limit == 0) return "limit is not a whole number of 1 or more";
  }
  return question;
}

engine::Scan GateListText::next_scan() const {
  engine::Scan scan;
  if (!question_.after.empty()) scan.after = locks::gate_name(question_.after);
  scan.prefix = locks::gate_prefix;
  scan.held_only = true;  // what is left of deleted ones is free
  scan.limit = slice;
  return scan;
}

bool GateListText::asked_for(const engine::NamedRecord& found) const {
  return found.record.gate && (!question_.status || found.record.gate->status == *question_.status);
}

// Goes on behind the limit until it is known whether there is more.
std::string GateListText::add(const engine::Scanned& scanned) {
  std::string text;
  if (!std::exchange(begun_, true)) text += "{\"locks\":[";
  for (const engine::NamedRecord& found : scanned.locks) {
    if (!asked_for(found)) continue;
    if (question_.limit && *question_.limit == 0) {
      done_ = true;
      return text += "],\"more\":true}\n";
    }
    if (!std::exchange(empty_, false)) text += ',';
    wire::write_gate_member(locks::gate_id(found.lock), *found.record.gate, text);
    if (question_.limit) --*question_.limit;
  }
  if (scanned.more) question_.after = locks::gate_id(engine::next_after(scanned));
  done_ = !scanned.more;
  if (done_) text += "],\"more\":false}\n";
  return text;
}

}  // namespace lockkeeper::server
