#include "cli/lockctl/command_line.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "cli/lockctl/exit.h"
#include "locks/duration.h"

namespace lockkeeper::cli::lockctl {
namespace {

using std::chrono::milliseconds;
using Takes = Flag::Takes;

constexpr std::array general = {
    Flag{"server", Takes::value, "URL", "[LOCKCTL_SERVER] the server: http://127.0.0.1:3000 unless told otherwise"},
    Flag{"ca-cert", Takes::value, "FILE",
         "[LOCKCTL_CA_CERT] PEM: certificates that are trusted beside the system's", Candidates::files},
    Flag{"config", Takes::value, "FILE", "[LOCKCTL_CONFIG] instead of ~/.config/lockctl.conf or /etc/lockctl.conf",
         Candidates::files},
    Flag{"timeout", Takes::value, "DURATION", "[LOCKCTL_TIMEOUT] of one request: 10s unless told otherwise"},
    Flag{"color", Takes::value, "WHEN",
         "[LOCKCTL_COLOR] auto (on a terminal, unless NO_COLOR is set), always, never", Candidates::these,
         "auto always never"},
    Flag{"json", Takes::nothing, "", "JSON instead of text for people"},
    Flag{"help", Takes::nothing, "", "this text; of a command, its own"},
    Flag{"version", Takes::nothing, "", "the version"},
};

[[noreturn]] void wrong(const std::string& sentence) {
  throw Failure(Exit::usage, sentence);
}

const Flag* among(std::span<const Flag> flags, const std::string& name) {
  const auto found = std::find_if(flags.begin(), flags.end(), [&](const Flag& one) { return one.name == name; });
  return found == flags.end() ? nullptr : &*found;
}

// The command that `word` names, or else any flag of that name: before the command is known, all are.
const Flag* any_flag(const CommandKind* command, std::span<const CommandKind> commands, const std::string& name) {
  if (command != nullptr) return find_flag(*command, name);
  if (const Flag* found = among(general, name)) return found;
  for (const CommandKind& one : commands) {
    if (const Flag* found = among(one.flags, name)) return found;
  }
  return nullptr;
}

std::string see_help(const CommandKind* command) {
  return std::string(" (see lockctl ") + (command == nullptr ? "" : std::string(command->name) + " ") + "--help)";
}

bool is_duration(const std::string& word) {
  return std::holds_alternative<milliseconds>(locks::parse_duration(word));
}

class Reader {
 public:
  Reader(const std::vector<std::string>& arguments, std::span<const CommandKind> commands)
      : arguments_(arguments), commands_(commands) {}

  Line read() {
    for (; at_ < arguments_.size(); ++at_) {
      const std::string& word = arguments_[at_];
      if (line_.dashes) {
        line_.words.push_back(word);
      } else if (word == "--") {
        line_.dashes = true;
      } else if (word == "-h") {
        line_.flags["help"].emplace_back();
      } else if (word.starts_with("--")) {
        take_flag(word.substr(2));
      } else if (word.size() > 1 && word[0] == '-') {
        wrong("there is no option " + word + see_help(line_.command));
      } else if (line_.command == nullptr) {
        take_command(word);
      } else {
        line_.words.push_back(word);
      }
    }
    check();
    return std::move(line_);
  }

  bool runs() const { return line_.command != nullptr && line_.command->manner == CommandKind::Manner::runs; }

 private:
  void take_flag(const std::string& text) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const Flag* flag = any_flag(line_.command, commands_, name);
    if (flag == nullptr) wrong("there is no option --" + name + see_help(line_.command));
    std::vector<std::string>& values = line_.flags[name];
    if (equals != std::string::npos) {
      if (flag->takes == Takes::nothing) wrong("--" + name + " takes no value");
      values.push_back(text.substr(equals + 1));
      return;
    }
    const bool there_is_more = at_ + 1 < arguments_.size();
    if (flag->takes == Takes::value) {
      if (!there_is_more) wrong("--" + name + " needs a value: --" + name + " " + flag->value);
      values.push_back(arguments_[++at_]);
    } else if (flag->takes == Takes::maybe_duration && there_is_more && is_duration(arguments_[at_ + 1])) {
      values.push_back(arguments_[++at_]);
    } else {
      values.emplace_back();
    }
  }

  void take_command(const std::string& word) {
    const auto found =
        std::find_if(commands_.begin(), commands_.end(), [&](const CommandKind& one) { return one.name == word; });
    if (found == commands_.end()) wrong("there is no command \"" + word + "\"" + see_help(nullptr));
    line_.command = &*found;
  }

  void check() const {
    if (line_.has("help") || line_.has("version")) return;
    if (line_.command == nullptr) wrong("no command" + see_help(nullptr));
    const CommandKind& command = *line_.command;
    for (const auto& [name, values] : line_.flags) {
      if (find_flag(command, name) == nullptr) {
        wrong(std::string(command.name) + " takes no --" + name + see_help(&command));
      }
    }
    const bool good = line_.words.size() >= command.least && line_.words.size() <= command.most &&
                      (command.least == 0 || !line_.words[0].empty());
    if (!good) wrong(std::string("say lockctl ") + command.name + " " + command.parameters + see_help(&command));
  }

  const std::vector<std::string>& arguments_;
  std::span<const CommandKind> commands_;
  std::size_t at_ = 0;
  Line line_;
};

}  // namespace

std::span<const Flag> general_flags() {
  return general;
}

const Flag* find_flag(const CommandKind& command, const std::string& name) {
  const Flag* own = among(command.flags, name);
  return own != nullptr ? own : among(general, name);
}

std::string Line::text(const std::string& flag, const std::string& otherwise) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? otherwise : found->second.back();
}

std::vector<std::string> Line::all(const std::string& flag) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? std::vector<std::string>() : found->second;
}

std::optional<milliseconds> Line::duration(const std::string& flag) const {
  if (!has(flag)) return std::nullopt;
  const auto parsed = locks::parse_duration(text(flag));
  if (const auto* fault = std::get_if<locks::DurationFault>(&parsed)) wrong("--" + flag + ": " + fault->text);
  return std::get<milliseconds>(parsed);
}

std::size_t Line::number(const std::string& flag, std::size_t otherwise, std::size_t most) const {
  if (!has(flag)) return otherwise;
  const std::string value = text(flag);
  std::size_t number = 0;
  const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (fault != std::errc() || end != value.data() + value.size() || number < 1 || number > most) {
    wrong("--" + flag + ": \"" + value + "\" is no whole number from 1 to " + std::to_string(most));
  }
  return number;
}

Line read_line(const std::vector<std::string>& arguments, std::span<const CommandKind> commands) {
  Reader reader(arguments, commands);
  try {
    return reader.read();
  } catch (const Failure& failure) {
    if (!reader.runs()) throw;
    throw Failure(Exit::run_failed, failure.what());
  }
}

}  // namespace lockkeeper::cli::lockctl
