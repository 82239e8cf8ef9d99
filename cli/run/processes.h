// The processes of this machine as /proc tells, and those that a command consists of.
#pragma once

#include <sys/types.h>

#include <set>
#include <vector>

namespace lockkeeper::cli::run {

struct Process {
  pid_t pid, parent, group;
  bool dead;  // a zombie: nobody has waited for it
};

// Empty where there is no /proc.
std::vector<Process> processes();

// Of `all`, those below `root` (not itself); without `spared` and what is below those.
std::vector<Process> below(const std::vector<Process>& all, pid_t root, const std::set<pid_t>& spared);

// This process's standard input and output lead nowhere from now on: they are the command's alone, so that the
// other end of a pipe hears of its end.
void leave_streams();

}  // namespace lockkeeper::cli::run
