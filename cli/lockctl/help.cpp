#include "cli/lockctl/help.h"

#include <sstream>

#include "cli/lockctl/commands.h"
#include "cli/lockctl/exit.h"

namespace lockkeeper::cli::lockctl {
namespace {

constexpr std::size_t left = 32;

void entry(std::ostringstream& text, const std::string& name, const std::string& meaning) {
  std::string start = "  " + name;
  if (start.size() + 2 > left) {
    text << start << '\n';
    start.clear();
  }
  start.resize(left, ' ');
  text << start << meaning << '\n';
}

void flags(std::ostringstream& text, const char* title, std::span<const Flag> all) {
  if (all.empty()) return;
  text << '\n' << title << ":\n";
  for (const Flag& flag : all) {
    entry(text, std::string("--") + flag.name + (*flag.value == 0 ? "" : " ") + flag.value, flag.help);
  }
}

}  // namespace

std::string help_text(const CommandKind* command) {
  std::ostringstream text;
  if (command != nullptr) {
    text << "Usage: lockctl " << command->name << (command->flags.empty() ? " " : " [OPTIONS] ")
         << command->parameters << "\n\n"
         << (command->help == nullptr ? "" : command->help) << '\n';
    flags(text, "Options", command->flags);
    flags(text, "Options of every command", general_flags());
    return text.str();
  }
  text << "Usage: lockctl [OPTIONS] COMMAND [PARAMETERS]\n\n"
          "Locks by hand, and looks at who holds what. Results go to stdout, what went wrong to stderr.\n\n"
          "Commands:\n";
  for (const CommandKind& one : commands()) {
    if (one.help != nullptr) entry(text, std::string(one.name) + " " + one.parameters, one.help);
  }
  flags(text, "Options", general_flags());
  text << "\nlockctl COMMAND --help tells a command's own options. User and password: LOCKCTL_USER and\n"
          "LOCKCTL_PASSWORD, or user and password in the configuration file, whose lines are NAME = VALUE.\n"
          "An option wins over the environment, and that over the file.\n\nExit codes:\n";
  for (const ExitMeaning& exit : exit_meanings()) {
    std::string code = std::to_string(static_cast<int>(exit.code));
    code.resize(3, ' ');
    text << "  " << code << "  " << exit.meaning << '\n';
  }
  return text.str();
}

}  // namespace lockkeeper::cli::lockctl
