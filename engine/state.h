// The engine's inside. All of it belongs to the engine's thread, but for what is marked otherwise.
//
// One step: what the store completed (returns.cpp), what is overdue, what was submitted, then one turn for every
// lock that something happened to (turns.cpp), the background work (chores.cpp); all that was begun meanwhile
// goes to the store as one chain, all that was answered goes out as one chain a mailbox.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/census.h"
#include "engine/chore.h"
#include "engine/engine.h"
#include "engine/gates.h"
#include "engine/inbox.h"
#include "engine/news.h"
#include "engine/outbox.h"
#include "engine/polls.h"
#include "engine/sleeper.h"
#include "engine/slots.h"
#include "engine/told.h"
#include "engine/watch.h"
#include "engine/work.h"
#include "locks/decide.h"

namespace lockkeeper::engine {

class Engine::State final : public Completions {
 public:
  State(Store& store, Clock& clock, Settings settings);
  ~State();

  void submit(Call& call) noexcept;                            // any thread
  void completed(Operation* chain) noexcept override;          // any thread
  void changed(std::vector<Changed> locks) noexcept override;  // any thread
  void missed() noexcept override;                             // any thread
  bool step();
  std::chrono::nanoseconds nap() const;
  void run();
  void stop() noexcept;         // any thread
  Counters counters() const;    // any thread
  bool ready() const noexcept;  // any thread

 private:
  // A step's parts. Each returns whether there was something to do.
  bool take_completed();
  bool take_news();
  bool give_up_unknown();
  bool give_up_overdue();
  bool begin_again();
  bool take_submitted();
  bool end_polls();
  bool look();
  bool expire();
  bool give_turns();
  bool begin_all();

  void accept(Call& call);
  void line_up(Call& call);
  bool accept_always(Call& call);
  void answer(Call& call, locks::Outcome outcome);
  void answer(Call& call);  // its answer is in it
  void refuse(Calls calls, const std::string& why, bool unknown = false);

  // turns.cpp
  void need_turn(Slot& slot);
  void turn(Slot& slot);
  void decide_line(Slot& slot);
  void add(Work*& commit, Slot& slot, locks::Change&& change, std::size_t grants);
  void finish_commit(Slot& slot, Work& commit);
  bool decide_call(Slot& slot, Work*& commit, const locks::Circumstances& around);
  bool add_if_fits(Work*& commit, Slot& slot, locks::Change&& change);
  locks::Terms terms_of(const Slot& slot) const;
  void begin_read(Slot& slot);
  void begin_history(Call& call, locks::Version version);
  bool prune(Slot& slot);
  void begin(Work& work);

  // polls.cpp
  void park(Slot& slot, Call& call, bool settled);
  Call& unpark(Slot& slot, const std::string& claim);
  void wake(Slot& slot, const locks::Change& change);
  void wake_changed(Slot& slot);
  void settle_polls(Slot& slot);
  Calls unsettled_polls(Slot& slot);
  bool leave(Slot& slot, const Leave& leave);
  void close_polls();
  void tell(const Slot& slot, Call& call, locks::Granted& granted);
  void unheard(Slot& slot, const std::string& claim, Watched::Unheard unheard);
  void not_told(Slot& slot, const Calls& calls);
  void refuse_line(Slot& slot, const std::string& why);
  void decide_unheard(Slot& slot, Work*& commit, const locks::Circumstances& around);
  void ask_whose(const Slot& slot, const std::string& claim, Watched::Unheard& unheard, locks::Version token);
  void told_whose(const Work& work);
  void forget_unheard(Slot& slot);

  // released_gates.cpp
  void read_gates(Call& call);
  bool end_gate_polls();
  void leave_gates(const Call* poll);
  void saw_gate(const Slot& slot);

  // leases.cpp
  // The command that `call` stands for, if the lock of its lease is known; else it is answered, or is when that was
  // looked for.
  bool find_lease(Call& call);
  const std::string* lock_of_lease(const std::string& claim) const;
  void seek(const NamedRecord& found);
  void answer_seekers();
  void refuse_seekers(const std::string& why);
  void lease_is_at(const Slot& slot, const TimerId& id, Timer& timer);
  void lease_is_not(const TimerId& id, const Timer& timer);

  // lapses.cpp
  void decide_lapses(Slot& slot, Work*& commit, const locks::Circumstances& around);
  void polled(Slot& slot, const locks::RowId& place, Work*& commit, const locks::Circumstances& around);
  void watch_change(Slot& slot, const locks::Change& change);
  void watch_record(Slot& slot);
  void watch_claim(Slot& slot, const locks::Claim& claim);
  void watch_place(Slot& slot, const locks::Waiter& waiter);
  void watch(Slot& slot, TimerId id, locks::Version mark, std::chrono::milliseconds span);
  void unwatch(Slot& slot, const TimerId& id);
  void place_timer(Slot& slot, Timer& timer, bool open);
  void try_later(Slot& slot);
  void restart_place(Slot& slot, const std::string& claim, bool open);

  // passes.cpp
  void begin_watching();
  void want_pass();
  void found_timed(Work& work);
  void found_timed(NamedRecord& found);
  void pass_is_through();
  void aged(Slot& slot);

  // news.cpp
  void heard_of(const std::string& lock, locks::Version version);
  void is_at(Slot& slot, locks::Version version);
  void settle_told(Slot& slot);
  void look_at(Slot& slot);
  void look_around();

  // unknown.cpp
  void try_again(Work& work);
  void ask_history(Work& commit);
  bool history_says(Work& work);
  void refuse_unknown(Work& work, Slot& slot);
  void commit_given_up(Slot& slot);
  void resolved(Work& work);

  // returns.cpp
  void returned(Work& work);
  bool change_returned(Work& work, Slot& slot);
  bool commit_returned(Work& work, Slot& slot);
  void committed(Work& work, Slot& slot);
  void conflicted(Work& work, Slot& slot, Conflict conflict);
  void read_returned(Work& work, Slot& slot);
  void scan_returned(Work& work);
  void history_returned(Work& work);
  void take_record(Slot& slot, std::optional<locks::Record> record, locks::Version floor);
  void forget_record(Slot& slot);
  void look_soon(const Slot& slot);

  // chores.cpp
  void begin_chores();
  locks::WallTime prune_before() const;
  void found_free(const Operation& operation);
  void trimmed(const Operation& operation);
  void begin_standing();
  void found_standing(const Operation& operation);
  void begin_census();
  void census_returned(Work& work);
  void count_anew();
  void count_commit(const Work& work, const Slot& slot);

  Store& store_;
  Clock& clock_;
  const Settings settings_;
  const bool exclusive_;
  bool closed_ = false;

  // Written by any thread.
  Inbox<Call> submitted_;
  Inbox<Operation> completed_;
  Inbox<News> news_;
  Sleeper sleeper_;
  Call stop_mark_;  // comes through submitted_: what was submitted before it is served, what comes after refused
  std::atomic<bool> stop_asked_ = false;

  // This step's.
  SteadyTime now_;
  locks::WallTime wall_;
  Operation* chain_ = nullptr;
  Operation** chain_end_ = &chain_;
  Slot* due_ = nullptr;
  Slot** due_end_ = &due_;
  Outbox outbox_;

  Slots slots_;
  WorkPool pool_;
  Flights flights_;
  std::size_t overdue_ = 0;
  bool stopping_ = false;
  std::uint64_t changes_ = 0;  // numbers change ids
  locks::Version floor_ = 0;   // the highest that was seen: an absent lock remembered with less is read again
  std::size_t unanswered_ = 0;
  std::size_t lately_ = 0;  // the most of them since the thread last had nothing to do

  // Commits of unknown outcome, by when their callers are told that, and those that wait by when they are begun
  // again.
  std::map<std::pair<SteadyTime, std::uint64_t>, Work*> unknown_, again_;
  std::uint64_t unknowns_ = 0;  // numbers them

  LeaseClock lease_clock_;
  Watch watch_;
  PollEnds poll_ends_;
  std::uint64_t polls_ = 0;  // numbers them
  std::deque<std::pair<SteadyTime, std::string>> look_later_;
  Told told_;
  std::size_t unheard_ = 0;  // of all slots

  Chore trimming_;
  Chore pruning_;
  Chore watching_;  // looks for what has to be watched: once over an exclusive store, again and again over another
  std::string watched_to_;
  std::uint64_t pass_ = 0;  // the one under way, or the last
  std::uint64_t wanted_pass_ = 0;
  Chore standing_;
  std::string standing_to_;
  std::set<std::tuple<std::string, std::string, locks::WallTime>> standing_told_, standing_now_;
  Gates gates_;
  // Where claims whose time runs are: by name, and in the order in which they came to be seen (Timer::lease).
  std::map<std::pair<std::string, std::uint64_t>, std::string> leases_;
  std::uint64_t lease_numbers_ = 0;
  // Renewals of leases that are not known here: each waits for a pass; and what that has found by now, by claim.
  struct Seeker {
    Call* call;
    std::uint64_t pass;
  };
  std::deque<Seeker> seekers_;
  std::map<std::string, std::string> sought_;
  // Whether all that an earlier run of the server left was found, what has a time that runs; and what of it was not
  // read yet.
  bool all_found_ = false;
  std::set<std::string> unread_;
  Census census_;
  Chore counting_;
  bool count_anew_ = false;  // once the slice on its way is back
  std::uint64_t places_ = 0;

  std::uint64_t untrimmed_ = 0;  // events committed since the last pass of trimming began

  // Read by any thread.
  struct {
    std::atomic<std::uint64_t> commands = 0, commits = 0, conflicts = 0, failures = 0, cached = 0, in_flight = 0,
                               waiting = 0, watched = 0, lapses = 0, standing = 0, places = 0, gates = 0, held = 0;
    std::atomic<bool> counted = false;
    std::array<std::atomic<std::uint64_t>, locks::what_count> events{};
    Measure<long_seconds> waited, held_for;
    Measure<batch_changes> batch;
    Measure<commit_seconds> commit;
    std::atomic<bool> stuck = false, watching = false;
  } shown_;
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t number) {
    counter.store(counter.load(std::memory_order_relaxed) + number, std::memory_order_relaxed);  // one writer
  }
};

}  // namespace lockkeeper::engine
