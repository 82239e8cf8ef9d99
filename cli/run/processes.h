// The processes of this machine as /proc tells, and those that a command consists of.
#pragma once

#include <sys/types.h>

#include <functional>
#include <set>
#include <vector>

namespace lockkeeper::cli::run {

struct Process {
  pid_t pid, parent, group;
  bool dead;  // a zombie: nobody has waited for it
};

// Empty where there is no /proc.
std::vector<Process> processes();

// The children of this process, dead ones too, each as soon as it is known: one that forks and ends may have ended
// a millisecond later.
void visit_children(const std::function<void(pid_t)>& visit);

// Of `all`, those below `root` (not itself); without `spared` and what is below those.
std::vector<Process> below(const std::vector<Process>& all, pid_t root, const std::set<pid_t>& spared);

// What of the standard streams is closed leads nowhere instead, so that nothing else gets its number; in a command
// that this process becomes, it is closed as before.
void keep_streams();

// This process's standard input and output lead nowhere from now on: they are the command's alone, so that the
// other end of a pipe hears of its end.
void leave_streams();

}  // namespace lockkeeper::cli::run
