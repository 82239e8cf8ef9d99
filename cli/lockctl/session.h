// What a command of lockctl works with.
#pragma once

#include <ostream>

#include "cli/environment.h"
#include "cli/lockctl/command_line.h"
#include "cli/lockctl/configuration.h"
#include "http/client.h"

namespace lockkeeper::cli::lockctl {

struct Session {
  Line line;
  Environment environment;
  Configuration configuration;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool color = false;                          // of what goes to `out`
  const http::Interrupt* interrupt = nullptr;  // raised by SIGINT, SIGTERM and SIGHUP

  const std::string& lock() const { return line.words.at(0); }
  bool json() const { return line.has("json"); }
  void warn(const std::string& sentence) const { err << "lockctl: " << sentence << std::endl; }
};

}  // namespace lockkeeper::cli::lockctl
