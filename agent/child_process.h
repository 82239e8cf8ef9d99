// Runs a program to its end: no shell, nothing on stdin, what it writes bounded, its time too.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "http/client.h"

namespace lockkeeper::agent {

struct ChildOrder {
  std::string program;                   // a path
  std::vector<std::string> arguments;    // without the program's name
  std::vector<std::string> environment;  // NAME=value, the whole of it
  std::chrono::milliseconds limit = std::chrono::seconds(30);
  std::size_t most_output = 1024 * 1024;
  std::function<void(const std::string& line)> complaint;  // each line of its stderr, at most some 100
};

struct ChildEnd {
  enum class How { exited, signalled, took_too_long, wrote_too_much, interrupted };
  How how = How::exited;
  int number = 0;      // exit status, or the signal
  std::string output;  // stdout
};

// Whatever ends it before its time ends the processes it started too, if they stayed in its group. Throws
// std::system_error when it cannot be started. `interrupt` may be null.
ChildEnd run_child(const ChildOrder& order, const http::Interrupt* interrupt);

}  // namespace lockkeeper::agent
