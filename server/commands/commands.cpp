#include "server/commands/commands.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>

namespace lockkeeper::server {
namespace {

struct Command {
  const char* name;
  const char* help;
  int (*run)(std::vector<std::string> words, const Environment& environment);
};

constexpr Command commands[] = {
    {"copy",
     "Usage: lockkeeper copy FROM TO\n\n"
     "Brings all that one store keeps into another one, which must be empty. No server may run over either.\n"
     "FROM and TO are as --store has them: sqlite:PATH, etcd://..., postgresql://..., redis://..., dynamodb://...\n"
     "One with a password in it is given in the environment, as LOCKKEEPER_COPY_FROM or LOCKKEEPER_COPY_TO, and\n"
     "left out here; or the password is in a file (password_file=FILE).\n\n"
     "Ends with 0: all is there, and was compared; 1: TO is as it was; 2: TO has a part, to be emptied before the\n"
     "next try.\n",
     run_copy},
    {"schema",
     "Usage: lockkeeper schema [URL] [--print]\n\n"
     "Makes in the store what servers need, for those servers that may not do it themselves; or only prints it.\n"
     "URL is as --store has it; one with a password in it is given in the environment, as LOCKKEEPER_STORE.\n",
     run_schema},
};

}  // namespace

std::optional<int> run_command(const std::vector<std::string>& arguments, const Environment& environment) {
  if (arguments.empty()) return std::nullopt;
  for (const Command& command : commands) {
    if (arguments.front() != command.name) continue;
    std::vector<std::string> words(arguments.begin() + 1, arguments.end());
    if (std::find(words.begin(), words.end(), "--help") != words.end()) {
      std::cout << command.help;
      return 0;
    }
    std::signal(SIGPIPE, SIG_IGN);  // of stores' sockets
    try {
      return command.run(std::move(words), environment);
    } catch (const std::exception& error) {
      std::cerr << error.what() << '\n';
      return 1;
    }
  }
  return std::nullopt;
}

}  // namespace lockkeeper::server
