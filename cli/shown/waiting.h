// What is said to a person who waits for a lock: who holds it, which place is theirs, who is before them.
//
//   waiting for production: held by alice@host since 14:02Z (3m10s); place 2 of 3 in the queue, behind
//   main/api/deploy #7; about 14m to go
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/shown/progress.h"
#include "client/acquisition.h"

namespace lockkeeper::cli {

// "held by alice@host since 14:02Z (3m10s); place 2 of 3 in the queue, behind main/api/deploy #7"
std::string state_text(const wire::DeniedView& denied, locks::WallTime now);
// What is the same to a reader has the same marks. Two may hold by one name, one after the other; who comes behind,
// and an estimate that moves with the time, are no news.
std::string state_marks(const wire::DeniedView& denied);

class Waiting {
 public:
  using Wall = std::function<locks::WallTime()>;

  // `progress` outlives it.
  Waiting(std::string lock, Progress& progress, Wall wall = wall_clock);

  // For client::Acquisition; this outlives it.
  client::Acquisition::Listener listener();

  void queued(const wire::DeniedView& denied);
  void trouble(const std::string& why);
  void answered();

  static locks::WallTime wall_clock();

 private:
  const std::string lock_;
  Progress& progress_;
  const Wall wall_;
  std::optional<wire::QueuedView> place_;
};

}  // namespace lockkeeper::cli
