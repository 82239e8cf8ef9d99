// Watches over a command's processes, and ends them when it is due. The guard does this, or whoever has become the
// processes' nearest subreaper when the guard is dead.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <vector>

#include "cli/run/ending.h"
#include "cli/run/processes.h"

namespace lockkeeper::cli::run {

// The command leads a process group. An ordinary end of the command ends what it left in its group. If the lease
// is lost, or somebody says so, also what left the group ends, as long as it descends from the command.
class Watch {
 public:
  // `leader`: a child of this process, or of a dead one below it. `spared`: other children of this process.
  Watch(pid_t leader, milliseconds grace, std::set<pid_t> spared = {});

  void put_off(Time term_at) { ending_.put_off(term_at); }
  void begin(Time now, milliseconds grace);

  struct News {
    std::optional<int> stopped;  // by this signal
    bool over = false;           // all is dead that has to be
  };
  // Looks and does what is due. To be called after SIGCHLD, and at until().
  News step(Time now);
  Time until() const { return until_; }
  bool lost() const { return ending_.by_lease(); }       // the end has begun since the lease's is near
  std::optional<int> status() const { return status_; }  // as waitpid's

 private:
  std::optional<int> look();
  void wait_for_strays(const std::vector<Process>& all) const;
  void signal(int number) const;
  void kill_children() const;
  bool gone();

  const pid_t leader_;
  const milliseconds grace_;
  const std::set<pid_t> spared_;
  Ending ending_;
  Time until_ = Time::max();
  std::optional<int> status_;
  bool everything_ = false;  // beyond the group
  bool killing_ = false;
};

}  // namespace lockkeeper::cli::run
