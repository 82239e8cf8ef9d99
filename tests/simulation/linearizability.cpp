#include "tests/simulation/linearizability.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

#include "tests/simulation/server_words.h"
#include "tests/unit/told.h"

namespace lockkeeper::simulation {
namespace {

using locks::Event;
using locks::Outcome;
using locks::Version;

constexpr Moment kStill = std::numeric_limits<Moment>::max();

// What a hand-over did says which polls were open.
class PollsOfEvents final : public locks::Polls {
 public:
  PollsOfEvents(const std::vector<Event>& events, std::size_t from) : events_(events), from_(from) {}
  bool open(const std::string& claim, const std::string&) const override {
    for (std::size_t i = from_; i < events_.size(); ++i) {
      const Event& event = events_[i];
      if (event.claim != claim || event.token != event.version) continue;
      if (event.what == locks::What::granted) return true;
      if (event.what == locks::What::offered) return false;
    }
    return false;
  }

 private:
  const std::vector<Event>& events_;
  std::size_t from_;
};

bool same(Event event, const Event& expected) {
  event.change = expected.change;
  return event == expected;
}

std::string told(const Event& event) {
  return "v" + std::to_string(event.version) + " " + locks::text(event.what) + " to " + event.holder +
         " claim=" + event.claim + " token " + std::to_string(event.token) + " by " + event.by;
}

// Without what an answer has from elsewhere.
std::string comparable(Outcome outcome, bool poll) {
  if (auto* queued = std::get_if<locks::Queued>(&outcome)) queued->estimate.reset();
  if (auto* granted = std::get_if<locks::Granted>(&outcome); granted != nullptr && poll) granted->again = false;
  return simulation::told(outcome);
}

}  // namespace

std::string told(const Outcome& outcome) {
  const auto* unavailable = std::get_if<locks::Unavailable>(&outcome);
  if (unavailable == nullptr) return test::told(outcome);
  return std::string(unavailable->unknown ? "unknown: " : "unavailable: ") + unavailable->why;
}

std::optional<Version> version_of(const Outcome& outcome) {
  return std::visit(
      [](const auto& one) -> std::optional<Version> {
        using T = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<T, locks::Unavailable>) {
          return std::nullopt;
        } else if constexpr (std::is_same_v<T, locks::Inspected>) {
          return one.record.head.version;
        } else {
          return one.version;
        }
      },
      outcome);
}

Linearizability::Linearizability(Stage& stage) : stage_(stage) {
  for (std::size_t i = 0; i < stage.profile.locks; ++i) {
    locks_["lock " + std::to_string(i)].push_back(
        {0, kStill, false, test::Model(0, stage.profile.settings.limits), 0});
  }
}

void Linearizability::follow(States& states, State next) {
  states.back().to = next.from;
  states.push_back(std::move(next));
}

void Linearizability::asked(const Asked& asked) {
  const locks::Acquire* poll = asked.poll();
  if (poll != nullptr) polls_[asked.meant.lock + "/" + poll->request].push_back(&asked);
}

void Linearizability::committed(const std::string& lock, const locks::Change& change, const locks::Record& after,
                                const Origin& origin, Moment moment) {
  States& states = locks_[lock];
  if (states.back().version != change.expected) {
    return stage_.fail(lock + ": a change of version " + std::to_string(change.expected) +
                       " was applied on version " + std::to_string(states.back().version));
  }
  const locks::Terms terms =
      locks::terms_of(stage_.profile.settings.terms, stage_.profile.settings.terms_by_name, lock);
  for (std::size_t i = 0; i < change.events.size() && !stage_.violation;) {
    const Event& first = change.events[i];
    const PollsOfEvents polls(change.events, i);
    locks::Circumstances around{first.at, stage_.profile.settings.limits, terms, &polls};
    if (!stage_.profile.alone) around.committed = change.expected;
    State next{moment, kStill, true, states.back().lock, 0, change.expected, origin};
    const locks::Record before = next.lock.record();
    // What is left of a hand-over comes before anything else.
    const bool rest = next.lock.hand_over(around);
    if (rest) stage_.happened("rest of a hand-over");
    if (!rest) {
      const Asked* asked = stage_.calls.find(first.by);
      const auto command = asked != nullptr ? asked->meant : said_by_server(lock, before, change, first);
      if (!command) return stage_.fail(lock + ": nobody can have said this: " + told(first));
      const Outcome outcome = next.lock.ask(*command, around);
      if (next.lock.events().empty()) {
        return stage_.fail(lock + ": " + told(first) +
                           "; by the rules nothing changes: " + simulation::told(outcome));
      }
      if (asked != nullptr) take_effect(lock, first.by, outcome, moment);
    }
    for (const Event& expected : next.lock.events()) {
      if (i == change.events.size())
        return stage_.fail(lock + ": there is no event where the rules have " + told(expected));
      const Event& event = change.events[i++];
      if (stage_.profile.faultless && event.what == locks::What::lapsed && event.token == 0) {
        spare_open_poll(lock, before, event);
      }
      if (!same(event, expected)) {
        return stage_.fail(lock + ": the history has " + told(event) + ", by the rules it is " + told(expected));
      }
      if (event.what != locks::What::granted || (!rest && &event == &first)) continue;
      const locks::Waiter* waiter = locks::find_waiter(before, event.claim);
      if (waiter != nullptr) demand_poll(lock, event, waiter->request, origin);
    }
    next.version = change.events[i - 1].version;
    follow(states, std::move(next));
  }
  if (stage_.violation) return;
  const locks::Record& expected = states.back().lock.record();
  if (expected != after) {
    stage_.fail(lock + ": the store has " + test::told(after) + ", by the rules it is " + test::told(expected));
  }
}

void Linearizability::demand_poll(const std::string& lock, const Event& event, const std::string& request,
                                  const Origin& origin) {
  for (const Asked* poll : polls_[lock + "/" + request]) {
    if (poll->server != origin.server || poll->asked > origin.begun) continue;
    if (poll->answered == 0 || poll->answered > origin.begun) return;
  }
  stage_.fail(lock + ": " + told(event) + " was granted the lock, and no poll of it was open");
}

// A poll that has been open for a second has had the time to have its place written anew.
void Linearizability::spare_open_poll(const std::string& lock, const locks::Record& before, const Event& event) {
  const locks::Waiter* waiter = event.claim.empty() ? nullptr : locks::find_waiter(before, event.claim);
  if (waiter == nullptr) return;
  for (const Asked* poll : polls_[lock + "/" + waiter->request]) {
    if (poll->answered != 0 || poll->client == nullptr || poll->abandoned) continue;
    if (stage_.agenda.now() - poll->asked_at < std::chrono::seconds(1)) continue;
    return stage_.fail(lock + ": " + told(event) + " lapsed while " + CallBook::name(poll->number) + " was open");
  }
}

void Linearizability::take_effect(const std::string& lock, const std::string& by, const Outcome& outcome,
                                  Moment moment) {
  const Asked* asked = stage_.calls.find(by);
  if (asked->meant.lock != lock) return stage_.fail(by + " took effect on another lock");
  if (asked->answered != 0) {
    const auto* refused = std::get_if<locks::Unavailable>(&asked->outcome());
    if (refused == nullptr) return stage_.fail(by + " took effect after it was answered");
    if (!refused->unknown) return stage_.fail(by + " took effect and was told that it did not");
  }
  auto& effects = effects_[asked->number];
  if (!effects.empty() && asked->poll() == nullptr) return stage_.fail(by + " took effect twice");
  effects.push_back({moment, *version_of(outcome), comparable(outcome, asked->poll() != nullptr)});
}

void Linearizability::pruned(const std::string& lock, Version floor, Moment moment) {
  for (auto& [name, states] : locks_) {
    if (name != lock && (states.back().exists || states.back().version >= floor)) continue;
    if (states.back().version > floor) {
      return stage_.fail(name + ": pruned at version " + std::to_string(states.back().version) +
                         ", the floor is only " + std::to_string(floor));
    }
    follow(states, {moment, kStill, false, test::Model(floor, stage_.profile.settings.limits), floor});
  }
}

void Linearizability::answered(const Asked& asked) {
  if (std::holds_alternative<engine::Leave>(asked.question)) return;  // says nothing of the lock
  const std::string name = CallBook::name(asked.number);
  const bool poll = asked.poll() != nullptr;
  const auto effects = effects_.find(asked.number);
  if (const auto* refused = std::get_if<locks::Unavailable>(&asked.outcome())) {
    // A poll that is sent home may have its place, and keeps it.
    if (effects != effects_.end() && !refused->unknown && !poll) {
      stage_.fail(name + " was told that nothing was done, and it had taken effect");
    }
    return;
  }
  if (asked.meant.caller.door == "server") return;  // said by the server to itself; its effect has no name on it
  const std::string told = comparable(asked.outcome(), poll);
  const Version version = *version_of(asked.outcome());
  std::string instead;
  if (effects != effects_.end()) {
    const Effect& last = effects->second.back();
    if (last.version == version && last.outcome == told) return;
    instead = last.outcome;
    if (!poll || version < last.version) {
      return stage_.fail(name + " was told: " + told + "; by the rules it is: " + instead);
    }
  }
  if (stood(asked, version, told, instead)) return;
  stage_.fail(
      name + " was told: " + told +
      (instead.empty() ? ", a version that did not stand while it was asked" : "; by the rules it is: " + instead));
}

bool Linearizability::stood(const Asked& asked, Version version, const std::string& told, std::string& instead) {
  const locks::Terms terms =
      locks::terms_of(stage_.profile.settings.terms, stage_.profile.settings.terms_by_name, asked.meant.lock);
  States& states = locks_[asked.meant.lock];
  for (auto state = states.rbegin(); state != states.rend() && state->to >= asked.asked; ++state) {
    if (state->version != version) continue;
    const bool within = asked.server == state->origin.server && asked.life == state->origin.life &&
                        asked.asked <= state->origin.begun;
    std::string ruled;
    for (const Version committed : {version, state->base}) {
      if (committed != version && !within) break;
      test::Model lock = state->lock;
      locks::Circumstances around{locks::WallTime(), stage_.profile.settings.limits, terms};
      if (!stage_.profile.alone) around.committed = committed;
      ruled = comparable(lock.ask(asked.meant, around), asked.poll() != nullptr);
      if (ruled == told && lock.events().empty()) return true;
    }
    instead = ruled;
  }
  return false;
}

}  // namespace lockkeeper::simulation
