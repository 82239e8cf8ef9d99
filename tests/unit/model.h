// The rules once more, told in the plainest way: maps of claims, no rows, no changes, no economy. decide() is held
// against it by random commands (locks_property_test.cpp). Written from DESIGN's rules, not from decide.cpp.
#pragma once

#include <list>
#include <map>
#include <string>

#include "locks/command.h"
#include "locks/limits.h"
#include "locks/outcome.h"
#include "locks/record.h"

namespace lockkeeper::test {

class Model {
 public:
  Model(locks::Version floor, const locks::Limits& limits);

  locks::Outcome ask(const locks::Command& command, locks::WallTime now);

  // The state as decide() keeps it. Closed names are in the order of up_to, then name.
  locks::Record record() const;

 private:
  struct Closed {
    locks::Version up_to;
    locks::WallTime at;
  };

  locks::Outcome acquire(const locks::Acquire& acquire, const std::string& by);
  locks::Outcome acquire_named(const locks::Acquire& acquire, const std::string& by);
  locks::Outcome release(const locks::Release& release);
  locks::Outcome release_unnamed(const locks::Release& release);
  locks::Outcome release_named(const locks::Release& release);
  locks::Outcome withdraw(const locks::Release& release);
  locks::Outcome force();

  // One more event: what makes it a change.
  void event();
  // The name takes nothing any more that began at `up_to` or before.
  void close(const std::string& name, locks::Version up_to);
  void forget_closed();
  void settle();

  bool held() const { return !blocks_.empty() || !described_.empty() || !named_.empty(); }
  locks::Version began(const std::optional<locks::Version>& begun) const;
  std::vector<locks::Hold> holds() const;
  locks::Granted granted(const locks::Claim& claim) const;
  locks::Released released(std::uint64_t count, bool withdrawn) const;

  locks::Limits limits_;
  locks::WallTime now_;
  locks::Version version_;
  locks::Version forgotten_;
  locks::WallTime changed_;
  std::string key_;
  std::map<std::string, locks::Tally> blocks_;  // unnamed claims that are a number, by holder
  std::list<locks::Claim> described_;           // unnamed claims with metadata, oldest first
  std::map<std::string, locks::Claim> named_;   // by name
  std::map<std::string, Closed> closed_;        // by name
};

}  // namespace lockkeeper::test
