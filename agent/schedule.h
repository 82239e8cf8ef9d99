// Which released gate is tried when. Pure: times and chance come in. Not thread-safe.
//
// Each gate has a back-off of its own. When the API as a whole fails (unreachable, untrusted, no credentials, Argo
// not installed) all of them wait, and one at a time finds out whether it is over.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/backoff.h"
#include "agent/clock.h"
#include "agent/outcome.h"
#include "client/gate_client.h"

namespace lockkeeper::agent {

struct ScheduleSettings {
  Backoff quick;                                                          // first 1 s, cap 60 s
  Backoff poll{std::chrono::seconds(1), std::chrono::seconds(25)};        // nothing suspended yet
  Backoff slow{std::chrono::seconds(5), std::chrono::seconds(60)};        // absent, forbidden
  std::chrono::milliseconds rare = std::chrono::minutes(10);              // a person has to act
  std::chrono::milliseconds give_up_after = std::chrono::hours(24);       // on absent workflows
  std::chrono::milliseconds note_pause_after = std::chrono::seconds(30);  // on all gates, when the API is away
};

class Schedule {
 public:
  using Time = Clock::Time;

  explicit Schedule(ScheduleSettings settings) : settings_(settings) {}

  struct Task {
    enum class What {
      resume,
      remove,  // it is resumed already
      look,    // whether the gate is still there: looked()
      note     // write `text`: noted()
    };
    What what = What::resume;
    client::Gate gate;
    Time offered;  // when it was heard of
    Time read;     // when `gate` was read
    std::string text;
  };

  // What follows from an outcome for whoever tells people.
  struct Verdict {
    Outcome outcome;                  // perhaps another one: absent for too long is unresumable
    bool news = false;                // not the same as the last time: worth a line in the log
    bool whole_api = false;           // `news` is of the API, not of this gate
    bool api_is_back = false;         // it had failed as a whole
    std::optional<std::string> note;  // to be written to the gate; then noted()
  };

  // A released gate. One that is known is left as it is.
  void offer(const client::Gate& gate, Time now);
  // What is due is handed out, and not again before done() or looked(). A `note` is not handed out in that sense.
  std::optional<Task> take(Time now);
  Verdict done(const std::string& id, const Outcome& outcome, Time now, double random);
  void looked(const std::string& id, bool there, Time now);
  void noted(const std::string& id, const std::string& text);
  // When take() may have something, unless offer() or done() is called before; max(): never.
  Time next(Time now) const;
  // Everything but what is handed out at the moment.
  void clear();

  std::size_t size() const { return entries_.size(); }
  // Gates that wait, by the outcome of the last try; `fresh`: not tried yet.
  struct Waiting {
    std::size_t fresh = 0;
    std::array<std::size_t, kOutcomes> kept{};
  };
  Waiting waiting() const;

 private:
  struct Entry {
    client::Gate gate;
    Time offered, read, due;
    std::uint64_t turn = 0;  // with `due`: its place in order_; 0: it has none
    std::optional<Outcome::Kind> last;
    std::string why;
    unsigned in_a_row = 0;  // tries with that kind
    std::optional<Time> absent_since;
    std::string absent_from;  // the same for people
    bool handed_out = false;
    bool resumed = false;  // only the deletion is left
  };
  // The API as a whole.
  struct Pause {
    unsigned failures = 0;  // 0: there is none
    Time until, since, asked;
    std::string prober;  // gate's id; empty: nobody asks
    // Heard of since. That requests get no answer may be the matter of one workflow after all, so a new gate is
    // tried a second after the last try.
    std::deque<std::string> fresh;
    Outcome outcome;
    bool noting = false;
    std::deque<std::string> to_note;
  };
  using Order = std::map<std::pair<Time, std::uint64_t>, std::string>;

  void put(Entry& entry, Time due);
  Order& order_of(const Entry& entry) { return entry.resumed ? removals_ : order_; }
  Task hand_out(Order& order, Order::iterator at);
  std::optional<Task> take_probe(Time now);
  Time fresh_from() const;
  std::optional<Task> take_note(Time now);
  void learn_of_api(const std::string& id, const Outcome& outcome, Time now, double random, Verdict& verdict);
  std::optional<std::chrono::milliseconds> pause_of(const Entry& entry, const Outcome& outcome,
                                                    double random) const;

  const ScheduleSettings settings_;
  std::unordered_map<std::string, Entry> entries_;
  Order order_;     // tries
  Order removals_;  // these need no API
  Pause pause_;
  std::uint64_t turns_ = 0;
};

}  // namespace lockkeeper::agent
