// When rows were written, by the clock of this boot (Age in engine/store.h).
//
// A row is stamped when its commit is carried out: after the engine decided it, which is the safe side, but before
// the commit comes back, which is not: a lease counts from there, and an age that is larger would end it early.
// Whoever goes by ages therefore allows for a commit of `allowance`, and a commit that took longer has its rows
// stamped anew before anybody hears of it. Stamps are rounded up, ages down.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "stores/boot_clock.h"
#include "stores/sqlite/database.h"
#include "stores/sqlite/statement.h"

namespace lockkeeper::stores::sqlite {

struct Stamp {
  std::int64_t boot = 0;  // this file's own number of it
  std::int64_t at = 0;    // milliseconds of the boot's clock
};

class Stamps {
 public:
  Stamps(Database& database, const BootClock& clock, std::chrono::milliseconds allowance);

  // Of rows that are written now. Inside a transaction that ends in outdated() or rolled_back(): the first one
  // under a boot notes that boot in the file. (Not the opening: a start must succeed on a full disk.)
  Stamp stamp();

  // After the commit: the stamp that its rows must get instead, in another transaction of the same kind; none:
  // those that they have are good.
  std::optional<Stamp> outdated();
  void rolled_back();

  // How long ago that was; none: under another boot, or in a future, so that nothing is known.
  std::optional<std::chrono::milliseconds> age(Stamp stamp) const;

 private:
  void find_boot();

  Database& database_;
  const BootClock& clock_;
  const std::chrono::milliseconds allowance_;
  const std::string id_;
  Statement note_;
  std::int64_t boot_ = 0;
  bool noted_ = false;
  std::optional<std::chrono::milliseconds> oldest_;  // stamp of this transaction
};

}  // namespace lockkeeper::stores::sqlite
