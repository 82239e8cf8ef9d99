#include "server/doors/workflow_reply.h"

#include "server/doors/door.h"
#include "wire/gate_json.h"
#include "wire/native_json.h"

namespace lockkeeper::server {
namespace {

http::Response reply_about(const GateSpeech& speech, const locks::Gated& outcome) {
  if (!outcome.gate) {
    if (speech.act == GateSpeech::Act::create)
      return error_reply(409, "this id is that of a lock that was deleted");
    const bool deleted = speech.act == GateSpeech::Act::remove && outcome.changed;
    return deleted ? json_reply(200, "{}\n") : unknown_gate_reply(speech.id);
  }
  const bool creates = speech.act == GateSpeech::Act::create;
  if (creates && (outcome.gate->workflow != speech.workflow ||
                  outcome.gate->workflow_namespace != speech.workflow_namespace)) {
    return error_reply(409, "this id is that of another workflow's lock");
  }
  http::Response response;
  wire::write_gate(speech.id, *outcome.gate, response.body);
  return response;
}

}  // namespace

http::Response reply_about_gate(const GateSpeech& speech, const decltype(engine::Call::answer)& answer) {
  if (const auto* page = std::get_if<engine::HistoryPage>(&answer)) {
    if (page->events.empty()) return unknown_gate_reply(speech.id);
    http::Response response;
    wire::write_history(speech.id, page->version, page->oldest, page->more, page->events, response.body);
    return response;
  }
  const auto& outcome = std::get<locks::Outcome>(answer);
  if (const auto* unavailable = std::get_if<locks::Unavailable>(&outcome)) return unavailable_reply(*unavailable);
  return reply_about(speech, std::get<locks::Gated>(outcome));
}

http::Response unknown_gate_reply(const std::string& id) {
  http::Response response;
  response.status = 404;
  wire::write_unknown_gate("there is no lock with this id", id, response.body);
  return response;
}

http::Response gate_feed_reply(const engine::GatesRead& read) {
  http::Response response;
  response.body = "{\"locks\":[";
  for (const engine::NamedGate& named : read.gates) {
    if (&named != read.gates.data()) response.body += ',';
    wire::write_gate_member(named.id, named.gate, response.body);
  }
  response.body += "],\"cursor\":";
  wire::write_text(read.cursor, response.body);
  response.body += read.reset ? ",\"reset\":true}\n" : "}\n";
  return response;
}

}  // namespace lockkeeper::server
