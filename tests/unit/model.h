// The rules once more, told in the plainest way: lists of claims and places, no rows, no changes, no economy.
// decide() is held against it by random commands (locks_property_test.cpp), and so is what a whole service did
// (tests/simulation). Written from DESIGN's rules, not from decide's sources.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "locks/change.h"
#include "locks/command.h"
#include "locks/decide.h"
#include "locks/limits.h"
#include "locks/outcome.h"
#include "locks/record.h"
#include "locks/terms.h"

namespace lockkeeper::test {

class Model {
 public:
  Model(locks::Version floor, const locks::Limits& limits);

  // Under the default terms, with no poll open.
  locks::Outcome ask(const locks::Command& command, locks::WallTime now);
  locks::Outcome ask(const locks::Command& command, const locks::Circumstances& around);

  // What is left of a large hand-over; false: nothing was.
  bool hand_over(const locks::Circumstances& around);

  // What the last question brought about.
  const std::vector<locks::Event>& events() const { return events_; }

  // The state as decide() keeps it. Closed names are in the order of up_to, then name.
  locks::Record record() const;

 private:
  struct Closed {
    locks::Version up_to;
    locks::WallTime at;
    locks::End end;
  };
  using Blocks = std::map<std::string, locks::Tally>;
  using Claims = std::vector<locks::Claim>;
  using Waiters = std::vector<locks::Waiter>;

  void look_around(const locks::Circumstances& around, const locks::Caller& caller);

  locks::Outcome acquire(const locks::Acquire& wanted);
  locks::Outcome acquire_plain(const locks::Acquire& wanted);
  locks::Outcome acquire_named(const locks::Acquire& wanted);
  std::optional<locks::Outcome> over(const locks::Acquire& wanted, std::optional<locks::Version> stands) const;
  locks::Outcome take_over(const locks::Acquire& wanted, Claims::iterator claim);
  locks::Outcome take_over(const locks::Acquire& wanted, Waiters::iterator place);
  locks::Outcome take_up(Claims::iterator offer);
  locks::Outcome count_one_more(const locks::Acquire& wanted, Claims::iterator offer);
  bool take_place(const locks::Acquire& wanted);
  locks::Outcome answered(locks::Granted granted);
  locks::Outcome grant(const locks::Acquire& wanted);
  locks::Outcome keep_for_refused(const locks::Acquire& wanted);
  void queue(const locks::Acquire& wanted, locks::milliseconds grace);

  locks::Outcome release(const locks::Release& given);
  locks::Outcome release_plain(const locks::Release& given);
  locks::Outcome release_named(const locks::Release& given);
  locks::Outcome withdraw(const locks::Release& given);
  void leave_or_close(Waiters::iterator place, const std::string& name, locks::Version up_to);
  locks::Outcome end_all(locks::What what, const std::string& holder, locks::End how,
                         const std::string& reason = "");
  locks::Outcome force(const locks::ForceRelease& force);
  locks::Outcome renew(const locks::Renew& renew);
  locks::Outcome lapse(const locks::Lapse& lapse);
  locks::Outcome give_back(const locks::GiveBack& given);
  locks::Outcome keep_place(const locks::KeepPlace& keep);

  // One more event: what makes it a change.
  locks::Event& event(locks::What what, const std::string& holder = "", const std::string& claim = "");
  // One that grants.
  void new_token(locks::What what, const std::string& holder, const std::string& claim = "");
  // The claim is over, and its name takes no late copy.
  Claims::iterator end(Claims::iterator claim, locks::Version up_to, locks::End how);
  void end(Blocks::iterator block);
  // The name takes nothing any more that began at `up_to` or before.
  void close(const std::string& name, locks::Version up_to, std::optional<locks::End> how);
  void held_since(locks::WallTime since);
  // What follows every change: the head of the queue is served, old closed names are forgotten, a free lock has no
  // key.
  void settle();
  Waiters::iterator next_in_turn();
  bool grant_next();
  void forget_closed();

  bool held() const { return !blocks_.empty() || !claims_.empty(); }
  bool holds(const std::string& holder) const;
  // Whether somebody who comes now gets the lock at once.
  bool may_enter(const std::string& key, const std::string& holder) const;
  Claims::iterator find_claim(const std::string& name);
  Waiters::iterator find_place(const std::string& name);
  Waiters::iterator find_place(const std::string& key, const std::string& holder);
  locks::Version began(const std::optional<locks::Version>& begun) const;
  std::optional<locks::End> how_it_ended(const std::string& name) const;
  std::vector<locks::Hold> holds() const;
  locks::Granted granted(const locks::Claim& claim) const;
  locks::Released released(std::uint64_t count) const;
  locks::Queued queued(Waiters::const_iterator place) const;
  locks::Outcome gone(locks::Gone::Why why, const std::string& name) const;

  locks::Limits limits_;
  locks::Version version_;
  locks::Version forgotten_;
  locks::WallTime changed_;
  std::string key_;
  Blocks blocks_;                         // unnamed claims that are a number, by holder
  Claims claims_;                         // all others, by token
  Waiters waiters_;                       // by place
  std::map<std::string, Closed> closed_;  // by name
  locks::milliseconds mean_hold_{0};

  // Of the question.
  locks::WallTime now_;
  locks::Terms terms_;
  locks::Caller caller_;
  const locks::Polls* polls_ = nullptr;
  std::optional<locks::Version> committed_;
  std::vector<locks::Event> events_;
  std::size_t rows_ = 0;  // that it touched: they bound how many are granted in the same change
};

}  // namespace lockkeeper::test
