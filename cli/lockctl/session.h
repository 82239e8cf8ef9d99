// What a command of lockctl works with.
#pragma once

#include <memory>
#include <ostream>

#include "cli/environment.h"
#include "cli/lockctl/command_line.h"
#include "cli/lockctl/configuration.h"
#include "cli/shown/terminal.h"
#include "http/client.h"

namespace lockkeeper::cli::lockctl {

struct Session {
  Line line;
  Environment environment;
  Configuration configuration;
  std::ostream& out;
  std::ostream& err;
  Terminal terminal;                           // that of `out`
  bool color = false;                          // of what goes there
  const http::Interrupt* interrupt = nullptr;  // raised by SIGINT, SIGTERM and SIGHUP
  bool done = false;                           // a signal that comes now changes no exit code any more

  const std::string& lock() const { return line.words.at(0); }
  bool json() const { return line.has("json"); }
  client::LockClient& client();                // made when it is first asked for
  std::chrono::milliseconds interval() const;  // --interval; throws Failure{usage}
  std::unique_ptr<client::LockClient> made_client;
  void warn(const std::string& sentence) const { err << "lockctl: " << sentence << std::endl; }
};

}  // namespace lockkeeper::cli::lockctl
