#include "cli/run/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace lockkeeper::cli::run {
namespace {

// proc(5): "pid (comm) state ppid pgrp ..."; the name may have parentheses and newlines of its own.
std::optional<Process> read_process(int proc, const char* name, pid_t pid) {
  const int file = openat(proc, (std::string(name) + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  char text[512];
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return std::nullopt;
  text[length] = '\0';
  const char* after_name = std::strrchr(text, ')');
  char state = 0;
  Process process{pid, 0, 0, false};
  if (after_name == nullptr ||
      std::sscanf(after_name + 1, " %c %d %d", &state, &process.parent, &process.group) != 3) {
    return std::nullopt;
  }
  process.dead = state == 'Z' || state == 'X';
  return process;
}

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

}  // namespace

std::vector<Process> processes() {
  std::vector<Process> found;
  const std::unique_ptr<DIR, CloseFolder> proc(opendir("/proc"));
  if (!proc) return found;
  while (const dirent* entry = readdir(proc.get())) {
    const char* name = entry->d_name;
    const char* end = name + std::strlen(name);
    pid_t pid = 0;
    if (const auto read = std::from_chars(name, end, pid); read.ec != std::errc() || read.ptr != end) continue;
    if (const auto process = read_process(dirfd(proc.get()), name, pid)) found.push_back(*process);
  }
  return found;
}

void leave_streams() {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  dup2(nothing, STDIN_FILENO);
  dup2(nothing, STDOUT_FILENO);
  close(nothing);
}

std::vector<Process> below(const std::vector<Process>& all, pid_t root, const std::set<pid_t>& spared) {
  std::multimap<pid_t, const Process*> children;
  for (const Process& one : all) children.emplace(one.parent, &one);
  std::vector<Process> found;
  std::set<pid_t> seen{root};
  std::vector<pid_t> open{root};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    for (auto [child, end] = children.equal_range(parent); child != end; ++child) {
      if (spared.contains(child->second->pid) || !seen.insert(child->second->pid).second) continue;
      found.push_back(*child->second);
      open.push_back(child->second->pid);
    }
  }
  return found;
}

}  // namespace lockkeeper::cli::run
