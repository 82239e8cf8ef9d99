// What the workflow door says to an outcome: pure.
#pragma once

#include <cstdint>
#include <string>

#include "engine/call.h"
#include "http/listener.h"

namespace lockkeeper::server {

// What of the request its reply speaks of.
struct GateSpeech {
  enum class Act : std::uint8_t { create, inspect, release, remove, note, history };
  Act act = Act::inspect;
  std::string id;
  std::string workflow, workflow_namespace;  // of a creation
};

http::Response reply_about_gate(const GateSpeech& speech, const decltype(engine::Call::answer)& answer);

// 404 for an id that no gate has, or none could have.
http::Response unknown_gate_reply(const std::string& id);

http::Response gate_feed_reply(const engine::GatesRead& read);

}  // namespace lockkeeper::server
