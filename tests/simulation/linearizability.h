// Whether the calls and replies of a run could have come from one lock service that does one thing at a time.
//
// Linearizability is local: it holds for all locks when it holds for each, and so each lock is looked at alone.
// Its sequential specification is the model that the rules are held against one by one (tests/unit/model.h), which
// shares no code with them.
//
// What is checked. The store applies one change after the other, and a version is given once; so the applied
// changes put all steps with an effect into one order, and no order has to be searched for. Each event names the
// call that brought it about (Event::by is different for each copy of each request). At every applied change the
// specification is asked the same commands in that order, and
//   1. it must bring about the same events, and its record must be the store's, field by field;
//   2. a call takes effect at most once, after it was asked and before it is answered; a call that was told that
//      nothing was done must not take effect ever; a call whose answer is unknown, or never came because its server
//      was killed, may take effect once at any later time, or never;
//   3. its answer must be the specification's, word for word;
//   4. an answer without an effect must be what the specification says in a state of the answer's version that
//   stood
//      at some instant between question and answer (states within one change stand at the instant of that change).
// Give each call with an effect the instant of its change, in the order of versions, and each call without one an
// instant of 4, after the event of that version: each is within its call, the whole is a run of the specification,
// and every reply is the specification's. That is a linearization, so the history is linearizable. Calls left out
// (unknown, refused by a server that could not answer) had no effect. Pruning and raising the floor are steps that
// the lock takes by itself; a floor may only be raised.
//
// A poll (Acquire with `wait`) blocks, so it is more than one step: it asks, and asks again, the same words each
// time, when it is woken or its time is over, and only the last answer leaves. Each of these steps is looked at as
// above; the answer must come from a step that is not before the last effect. What the server says by itself
// (lapses, kept places, what is handed back) has no caller and is asked as the events tell it; whether it came at a
// time when it may is for lease_watch.h; in a world without faults, no place lapses while its poll is open. Whether
// a waiter is handed the lock or an offer depends on what only its server knows: an event `granted` demands that a
// poll of that intention was open there when the change was begun.
//
// Over a shared store it depends on what is committed whether asking again has to be written (Circumstances). What
// was decided within a change was decided on the version before it, and only its server can have done so.
//
// Two things of an answer depend on more than the lock's state and are not compared: the estimate of a wait, and
// whether a poll's grant is told for the first time (`again`).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "locks/change.h"
#include "tests/simulation/stage.h"
#include "tests/unit/model.h"

namespace lockkeeper::simulation {

// Where a change came from.
struct Origin {
  std::size_t server = 0;
  std::uint64_t life = 0;  // of the server, from one start to its end
  Moment begun = 0;        // when it was handed to the store
  bool late = false;       // it was told as unknown before
};

class Linearizability {
 public:
  explicit Linearizability(Stage& stage);

  // In the order in which they happen.
  void asked(const Asked& asked);
  void committed(const std::string& lock, const locks::Change& change, const locks::Record& after,
                 const Origin& origin, Moment moment);
  void pruned(const std::string& lock, locks::Version floor, Moment moment);
  void answered(const Asked& asked);

 private:
  // What a lock is between two steps. The last one is the one that stands.
  struct State {
    Moment from;
    Moment to;
    bool exists;
    test::Model lock;
    locks::Version version;
    locks::Version base = 0;  // what the change that brought it about expected
    Origin origin = {};       // likewise: where it came from
  };
  using States = std::vector<State>;

  struct Effect {
    Moment moment;
    locks::Version version;
    std::string outcome;
  };

  void take_effect(const std::string& lock, const std::string& by, const locks::Outcome& outcome, Moment moment);
  void spare_open_poll(const std::string& lock, const locks::Record& before, const locks::Event& event);
  void demand_poll(const std::string& lock, const locks::Event& event, const std::string& request,
                   const Origin& origin);
  bool stood(const Asked& asked, locks::Version version, const std::string& told, std::string& instead);
  static void follow(States& states, State next);

  Stage& stage_;
  std::map<std::string, States> locks_;
  std::map<std::size_t, std::vector<Effect>> effects_;      // by the call's number
  std::map<std::string, std::vector<const Asked*>> polls_;  // by lock and request; all that ever were
};

// In a line; unlike test::told() with the reason why there is no answer.
std::string told(const locks::Outcome& outcome);

// The version that an answer is tied to; none for Unavailable.
std::optional<locks::Version> version_of(const locks::Outcome& outcome);

}  // namespace lockkeeper::simulation
