// The controlling terminal, whose foreground group is told of keys, and may read.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <optional>

namespace lockkeeper::cli::run {

class ControllingTerminal {
 public:
  ControllingTerminal();  // there may be none
  ~ControllingTerminal();
  ControllingTerminal(const ControllingTerminal&) = delete;
  ControllingTerminal& operator=(const ControllingTerminal&) = delete;

  int descriptor() const { return descriptor_; }  // -1: there is none
  bool ours() const;                              // this process's group is in the foreground
  void give(pid_t group) const;                   // if it is ours
  void take_from(pid_t group) const;              // if that group has it
  void restore() const;                           // what a program that was killed may have left: no echo, no lines

 private:
  int descriptor_;
  std::optional<termios> modes_;
};

}  // namespace lockkeeper::cli::run
