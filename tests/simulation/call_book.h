// Every question that was put to an engine, and when it was asked and answered: the history of a run as clients
// saw it. Each copy of a request is a call of its own, and its number is who authenticated (Caller::by), so each
// event in a lock's history says which call brought it about.
#pragma once

#include <charconv>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>

#include "engine/call.h"
#include "tests/simulation/virtual_time.h"

namespace lockkeeper::simulation {

class Client;

struct Asked final : engine::Call {
  std::size_t number = 0;
  locks::Command meant;  // as the client sent it; a planted bug may put another to the engine
  std::size_t server = 0;
  std::uint64_t life = 0;  // of that server
  Moment asked = 0;
  Time asked_at{0};
  Moment answered = 0;         // 0: not (yet)
  bool abandoned = false;      // its engine was killed: no answer will come, but it may have taken effect
  Client* client = nullptr;    // who listens for the answer; nullptr: nobody
  bool seen_to_leave = false;  // by the server
  std::uint64_t attempt = 0;

  const locks::Outcome& outcome() const { return std::get<locks::Outcome>(answer); }

  // The acquisition that may be kept back, or nullptr.
  const locks::Acquire* poll() const {
    const auto* acquire = std::get_if<locks::Acquire>(&meant.what);
    return acquire != nullptr && acquire->wait ? acquire : nullptr;
  }
};

class CallBook {
 public:
  Asked& open(locks::Command command) {
    Asked& asked = next();
    if (command.caller.door != "server") command.caller = {name(asked.number), "simulation"};
    asked.meant = command;
    asked.question = std::move(command);
    return asked;
  }
  Asked& open(engine::Leave leave) {
    Asked& asked = next();
    asked.meant = {leave.lock, {"", "server"}, locks::Inspect{}};
    asked.question = std::move(leave);
    return asked;
  }

  static std::string name(std::size_t number) { return "call " + std::to_string(number); }

  // The call that an event's `by` names; nullptr: there is none.
  Asked* find(const std::string& by) {
    std::size_t number = calls_.size();
    if (by.starts_with("call ")) std::from_chars(by.data() + 5, by.data() + by.size(), number);
    return number < calls_.size() ? &calls_[number] : nullptr;
  }

  std::size_t size() const { return calls_.size(); }

 private:
  Asked& next() {
    Asked& asked = calls_.emplace_back();
    asked.number = calls_.size() - 1;
    return asked;
  }

  std::deque<Asked> calls_;  // engines link calls, so they stay where they are
};

}  // namespace lockkeeper::simulation
