#include <algorithm>
#include <iterator>
#include <sstream>

#include "cli/lockctl/commands.h"
#include "cli/lockctl/completion_scripts.h"
#include "cli/lockctl/exit.h"
#include "cli/shown/text.h"

namespace lockkeeper::cli::lockctl {
namespace {

constexpr const char* files = ":files";  // the scripts know what to do
constexpr std::size_t most_locks = 200;
constexpr std::chrono::seconds patience{1};

// A line that is not finished: what stands before the word that is to be completed.
struct Unfinished {
  Line line;
  const Flag* pending = nullptr;  // the word is its value
};

const Flag* flag_called(const CommandKind* command, const std::string& name) {
  if (command != nullptr) return find_flag(*command, name);
  const auto general = general_flags();
  const auto found =
      std::find_if(general.begin(), general.end(), [&](const Flag& one) { return one.name == name; });
  return found == general.end() ? nullptr : &*found;
}

Unfinished read(const std::vector<std::string>& words) {
  Unfinished read;
  for (const std::string& word : words) {
    if (read.pending != nullptr) {
      read.line.flags[read.pending->name].push_back(word);
      read.pending = nullptr;
    } else if (read.line.dashes) {
      read.line.words.push_back(word);
    } else if (word == "--") {
      read.line.dashes = true;
    } else if (word.starts_with("--")) {
      const auto equals = word.find('=');
      const Flag* flag =
          flag_called(read.line.command, word.substr(2, equals == std::string::npos ? equals : equals - 2));
      if (flag == nullptr) continue;
      if (equals != std::string::npos) {
        read.line.flags[flag->name].push_back(word.substr(equals + 1));
      } else if (flag->takes == Flag::Takes::value) {
        read.pending = flag;
      }
    } else if (read.line.command == nullptr) {
      const auto found = std::find_if(commands().begin(), commands().end(),
                                      [&](const CommandKind& one) { return one.name == word; });
      if (found != commands().end()) read.line.command = &*found;
    } else {
      read.line.words.push_back(word);
    }
  }
  return read;
}

std::vector<std::string> lock_names(const Line& line, const Environment& environment, const std::string& start,
                                    const http::Interrupt* interrupt) {
  std::vector<std::string> names;
  try {
    Configuration configuration = read_configuration(line, environment);
    configuration.api.request_timeout = patience;
    client::LockClient client(configuration.api);
    client.set_interrupt(interrupt);
    for (const wire::LockView& lock : client.list(start, "", most_locks).locks) {
      if (harmless(lock.lock) == lock.lock) names.push_back(lock.lock);
    }
  } catch (const std::exception&) {
    names.clear();  // a shell that completes is no place for complaints
  }
  return names;
}

std::vector<std::string> split(const char* words) {
  std::istringstream stream(words);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::vector<std::string> flag_names(const CommandKind* command) {
  std::vector<std::string> names;
  const auto add = [&](std::span<const Flag> flags) {
    for (const Flag& flag : flags) names.push_back(std::string("--") + flag.name);
  };
  if (command != nullptr) add(command->flags);
  add(general_flags());
  return names;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const CommandKind& one : commands()) {
    if (one.help != nullptr) names.emplace_back(one.name);
  }
  return names;
}

}  // namespace

int completion(Session& session) {
  const std::string& shell = session.line.words[0];
  const auto script = shell == "bash"   ? bash_script
                      : shell == "zsh"  ? zsh_script
                      : shell == "fish" ? fish_script
                                        : "";
  if (script.empty()) throw Failure(Exit::usage, "\"" + shell + "\" is none of bash, zsh, fish");
  session.out << script;
  return 0;
}

int complete(Session& session) {
  std::vector<std::string> words = session.line.words;
  if (words.empty()) words.emplace_back();
  const std::string start = words.back();
  words.pop_back();
  const Unfinished before = read(words);
  const CommandKind* command = before.line.command;
  const auto offered = [&](Candidates candidates, const char* these) -> std::vector<std::string> {
    if (candidates == Candidates::files) return {files};
    if (candidates == Candidates::these) return split(these);
    if (candidates == Candidates::none) return {};
    return lock_names(before.line, session.environment, start, session.interrupt);
  };
  std::vector<std::string> all;
  if (before.pending != nullptr) {
    all = offered(before.pending->candidates, before.pending->these);
  } else if (before.line.dashes) {
    all = {files};
  } else if (start.starts_with('-')) {
    all = flag_names(command);
  } else if (command == nullptr) {
    all = command_names();
  } else if (before.line.words.empty()) {
    all = offered(command->candidates, command->these);
  }
  for (const std::string& one : all) {
    if (one == files || one.starts_with(start)) session.out << one << '\n';
  }
  return 0;
}

}  // namespace lockkeeper::cli::lockctl
