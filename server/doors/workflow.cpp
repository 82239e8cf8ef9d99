#include "server/doors/workflow.h"

#include <optional>
#include <utility>
#include <variant>

#include "locks/gate.h"
#include "server/doors/gate_feed.h"
#include "server/doors/gate_list.h"
#include "server/doors/workflow_reply.h"
#include "server/random_name.h"
#include "wire/gate_json.h"

namespace lockkeeper::server {
namespace {

constexpr std::string_view door_name = "workflow";
constexpr std::size_t history_default = 100;
constexpr std::size_t history_most = 1000;

enum Action { create, inspect, release, remove_gate, note, history, list };

constexpr Route table[] = {
    {"GET", "/lock/", inspect},        {"GET", "/lock", inspect},
    {"POST", "/lock", create},         {"POST", "/lock/", create},
    {"PATCH", "/lock/", release},      {"PATCH", "/lock", release},
    {"DELETE", "/lock/", remove_gate}, {"DELETE", "/lock", remove_gate},
    {"PUT", "/lock/", note},           {"PUT", "/lock", note},
    {"GET", "/lock/history", history}, {"GET", "/locks", list},
};

class GateVisit final : public Visit {
 public:
  using Visit::Visit;
  GateSpeech speech;

 protected:
  http::Response reply() override { return reply_about_gate(speech, answer); }
};

// What is wrong with a question, if anything.
using Refusal = std::optional<http::Response>;

Refusal ask(GateVisit& visit, GateSpeech::Act act, decltype(locks::OfGate::what) what,
            const locks::Limits& limits) {
  visit.speech.act = act;
  locks::Command command{
      locks::gate_name(visit.speech.id), {visit.user, std::string(door_name)}, locks::OfGate{std::move(what)}};
  if (auto fault = locks::fault(command, limits)) return error_reply(400, *fault);
  visit.question = std::move(command);
  return std::nullopt;
}

Refusal ask_to_create(GateVisit& visit, std::string_view body, const locks::Limits& limits) {
  auto parsed = wire::parse_create_gate(body);
  if (const auto* fault = std::get_if<std::string>(&parsed)) return error_reply(400, *fault);
  auto& fields = std::get<wire::CreateGateBody>(parsed);
  auto id = fields.id.empty() ? wire::random_uuid(random_name()) : wire::parse_uuid(fields.id);
  if (!id) return error_reply(400, "id is not a UUID");
  visit.speech.id = std::move(*id);
  visit.speech.workflow = fields.workflow;
  visit.speech.workflow_namespace = fields.workflow_namespace;
  return ask(visit, GateSpeech::Act::create,
             locks::CreateGate{std::move(fields.workflow), std::move(fields.workflow_namespace)}, limits);
}

Refusal ask_to_note(GateVisit& visit, std::string_view body, const locks::Limits& limits) {
  auto parsed = wire::parse_note_gate(body);
  if (const auto* fault = std::get_if<std::string>(&parsed)) return error_reply(400, *fault);
  return ask(visit, GateSpeech::Act::note, locks::NoteGate{std::get<wire::NoteGateBody>(std::move(parsed)).note},
             limits);
}

Refusal ask_for_history(GateVisit& visit, std::string_view query) {
  engine::ReadHistory read;
  read.lock = locks::gate_name(visit.speech.id);
  read.limit = history_default;
  read.newest_first = true;
  if (const auto limit = parameter(query, "limit")) {
    const auto number = whole_number(*limit);
    if (!number || *number < 1 || *number > history_most) {
      return error_reply(400, "limit is not a whole number from 1 to " + std::to_string(history_most));
    }
    read.limit = *number;
  }
  visit.speech.act = GateSpeech::Act::history;
  visit.question = std::move(read);
  return std::nullopt;
}

Refusal ask_about_gate(GateVisit& visit, int action, const Target& target, const locks::Limits& limits) {
  const std::string_view body = visit.exchange.request().body();
  if (action == create) return ask_to_create(visit, body, limits);
  const auto given = parameter(target.query, "id");
  if (!given || given->empty()) return error_reply(400, "id is missing: ask for /lock/?id=ID");
  auto id = wire::parse_uuid(*given);
  if (!id) return unknown_gate_reply(*given);
  visit.speech.id = std::move(*id);
  switch (action) {
    case release:
      return ask(visit, GateSpeech::Act::release, locks::ReleaseGate{}, limits);
    case remove_gate:
      return ask(visit, GateSpeech::Act::remove, locks::DeleteGate{}, limits);
    case note:
      return ask_to_note(visit, body, limits);
    case history:
      return ask_for_history(visit, target.query);
    default:
      return ask(visit, GateSpeech::Act::inspect, locks::InspectGate{}, limits);
  }
}

void serve_list(FrontDesk& desk, http::Exchange& exchange, std::string_view query, std::string user) {
  if (asks_for_gate_feed(query)) {
    auto feed = parse_gate_feed_query(query);
    if (const auto* fault = std::get_if<std::string>(&feed)) return exchange.answer(error_reply(400, *fault));
    return serve_gate_feed(desk, exchange, std::get<engine::ReadGates>(std::move(feed)), door_name,
                           std::move(user));
  }
  auto list = parse_gate_list_query(query);
  if (const auto* fault = std::get_if<std::string>(&list)) return exchange.answer(error_reply(400, *fault));
  auto text = std::make_unique<GateListText>(std::get<GateListQuestion>(std::move(list)));
  serve_slices(desk, exchange, std::move(text), door_name, std::move(user));
}

}  // namespace

std::span<const Route> WorkflowDoor::routes() {
  return table;
}

void WorkflowDoor::serve(http::Exchange& exchange, const Target& target) {
  auto entry = enter(desk_, exchange, table, target.path);
  if (!entry) return;
  const int action = entry->match.route->action;
  if (action == list) return serve_list(desk_, exchange, target.query, std::move(entry->user));
  auto owned = std::make_unique<GateVisit>(exchange, door_name);
  GateVisit& visit = *owned;
  visit.user = std::move(entry->user);
  exchange.attachment = std::move(owned);
  if (auto refusal = ask_about_gate(visit, action, target, desk_.limits())) {
    return exchange.answer(std::move(*refusal));
  }
  desk_.ask(visit, exchange.io());
}

}  // namespace lockkeeper::server
