#include "cli/run/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

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
using Folder = std::unique_ptr<DIR, CloseFolder>;

std::optional<pid_t> number(const char* name) {
  const char* end = name + std::strlen(name);
  pid_t pid = 0;
  const auto read = std::from_chars(name, end, pid);
  return read.ec == std::errc() && read.ptr == end ? std::optional(pid) : std::nullopt;
}

// As the kernel lists them, for each thread. False: this one does not.
bool listed_children(std::vector<pid_t>& children) {
  const Folder tasks(opendir("/proc/self/task"));
  if (!tasks) return false;
  while (const dirent* entry = readdir(tasks.get())) {
    if (!number(entry->d_name)) continue;
    std::ifstream list("/proc/self/task/" + std::string(entry->d_name) + "/children");
    if (!list) return false;
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return true;
}

}  // namespace

std::vector<Process> processes() {
  std::vector<Process> found;
  const Folder proc(opendir("/proc"));
  if (!proc) return found;
  while (const dirent* entry = readdir(proc.get())) {
    const auto pid = number(entry->d_name);
    if (!pid) continue;
    if (const auto process = read_process(dirfd(proc.get()), entry->d_name, *pid)) found.push_back(*process);
  }
  return found;
}

void visit_children(const std::function<void(pid_t)>& visit) {
  std::vector<pid_t> children;
  if (listed_children(children)) {
    for (const pid_t child : children) visit(child);
    return;
  }
  // The newest first: they are the ones that may be gone soon.
  std::vector<pid_t> pids;
  const Folder proc(opendir("/proc"));
  if (!proc) return;
  while (const dirent* entry = readdir(proc.get())) {
    if (const auto pid = number(entry->d_name)) pids.push_back(*pid);
  }
  std::sort(pids.begin(), pids.end(), std::greater<>());
  for (const pid_t pid : pids) {
    const auto process = read_process(dirfd(proc.get()), std::to_string(pid).c_str(), pid);
    if (process && process->parent == getpid()) visit(pid);
  }
}

void keep_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);  // the lowest number that is free: this one
    if (nothing < 0) throw std::system_error(errno, std::generic_category(), "/dev/null cannot be opened");
  }
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
