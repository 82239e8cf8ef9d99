#include "stores/sqlite/stamps.h"

#include <algorithm>

namespace lockkeeper::stores::sqlite {

using std::chrono::milliseconds;

Stamps::Stamps(Database& database, const BootClock& clock, milliseconds allowance)
    : database_(database),
      clock_(clock),
      allowance_(allowance),
      id_(clock.boot()),
      note_(database, "REPLACE INTO meta(key, value) VALUES('boot', ?), ('boot_id', ?)") {
  find_boot();
}

void Stamps::find_boot() {
  boot_ = integer(database_, "SELECT value FROM meta WHERE key = 'boot'");
  noted_ = !id_.empty() && text(database_, "SELECT value FROM meta WHERE key = 'boot_id'") == id_;
  if (!noted_) ++boot_;
}

Stamp Stamps::stamp() {
  if (!noted_) run(note_, boot_, id_);
  noted_ = true;
  const auto now = std::chrono::ceil<milliseconds>(clock_.now());
  if (!oldest_) oldest_ = now;
  return {boot_, now.count()};
}

// The new stamp lies in the future, by as long as the last commit took: so it is good also if its own commit takes
// that long, and on a disk that stays slow this ends.
std::optional<Stamp> Stamps::outdated() {
  if (!oldest_) return std::nullopt;
  const auto now = std::chrono::ceil<milliseconds>(clock_.now());
  const auto took = now - *oldest_;
  if (took <= allowance_) {
    oldest_.reset();
    return std::nullopt;
  }
  oldest_ = now + took;
  return Stamp{boot_, oldest_->count()};
}

void Stamps::rolled_back() {
  oldest_.reset();
  find_boot();
}

std::optional<milliseconds> Stamps::age(Stamp stamp) const {
  const auto now = clock_.now();
  const milliseconds at(stamp.at);
  if (stamp.boot != boot_ || at > std::chrono::ceil<milliseconds>(now)) return std::nullopt;
  return std::max(std::chrono::floor<milliseconds>(now) - at, milliseconds(0));
}

}  // namespace lockkeeper::stores::sqlite
