// What must hold after every step, whatever the rules in detail: looked at in the records and the history of the
// store alone, with a ledger of its own that forgets nothing.
//   - versions have no gaps, never go back, and every event carries the id of its change, which is applied once;
//   - tokens: one is given once and they grow, also over a lock that was pruned meanwhile;
//   - mutual exclusion: all who hold a lock hold it with one key, the one they asked with;
//   - one claim or place a name, rows in order, counts match;
//   - no intention that began before its name was closed comes in or queues, for ever (what another intention's
//     withdrawal closes does not end what stands);
//   - first in, first out: who is granted the lock from the queue is its head, or holds already; who comes without
//     a place joins only when nobody is queued, or holds already; a free lock has no queue, and no sharer of the
//     holders' key is left at its head;
//   - what ended once (released, lapsed, forced) is not renewed any more;
//   - history, replayed event by event, is the state.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <string>

#include "locks/change.h"
#include "tests/simulation/stage.h"

namespace lockkeeper::simulation {

class Checker {
 public:
  explicit Checker(Stage& stage) : stage_(stage) {}

  void committed(const std::string& lock, const locks::Change& change, const locks::Record& after);
  void pruned(const std::string& lock, locks::Version floor);

 private:
  struct Named {
    std::string holder;
    locks::Version token;
    locks::Version begun;
    std::string request;
  };
  struct Place {
    std::string name;  // empty: of a refused plain request
    std::string key;
    std::string holder;
    locks::Version place;
    locks::Version begun;
    std::string request;
  };
  using Places = std::list<Place>;

  // A lock as its history tells it. Offers are claims.
  struct Ledger {
    locks::Version version = 0;
    locks::Version highest_token = 0;
    std::string key;                              // what the holders of now asked with
    std::map<std::string, std::uint64_t> counts;  // of claims by holder, named ones among them
    std::map<std::string, Named> named;
    Places queue;
    std::map<std::string, locks::Version> closed;  // name -> what began at this or before is closed out, for ever
    std::set<locks::Version> ended;                // tokens

    bool held() const { return !counts.empty(); }
  };

  void replay(const locks::Event& event);
  void came_in(const locks::Event& event);  // acquired, shared
  void taken_over(const locks::Event& event);
  void queued(const locks::Event& event);
  void granted(const locks::Event& event);
  void offered(const locks::Event& event);
  void from_queue(Places::iterator place, const locks::Event& event);
  void renewed(const locks::Event& event);
  void lapsed(const locks::Event& event);
  void released(const locks::Event& event);
  void forced(const locks::Event& event);
  void withdrawn(const locks::Event& event);

  void add(const std::string& key, const locks::Event& event);
  void add_named(const locks::Event& event, Named named);
  void end_named(std::map<std::string, Named>::iterator named, locks::Version up_to);
  void subtract(const std::string& holder, std::uint64_t number);
  void close(const std::string& name, locks::Version up_to);
  void must_be_open(const std::string& name, locks::Version begun);
  Places::iterator find_place(const locks::Event& event);
  Places::iterator nameless_place(const locks::Event& event);
  void compare(const locks::Change& change);
  void compare_queue(const locks::Change& change);
  // That brought the event about; nullptr: nobody, which is a violation.
  template <class Asked>
  const Asked* asked(const locks::Event& event);
  void fail(const std::string& what);

  Stage& stage_;
  std::map<std::string, Ledger> ledgers_;
  std::set<std::string> changes_;  // ids
  // What is being looked at.
  std::string lock_;
  Ledger* ledger_ = nullptr;
  const locks::Change* change_ = nullptr;
  const locks::Record* after_ = nullptr;
};

}  // namespace lockkeeper::simulation
