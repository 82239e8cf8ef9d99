#include "cli/stormlock/options.h"

#include <algorithm>
#include <string_view>

#include "cli/stormlock/command_kind.h"
#include "cli/stormlock/ttl.h"
#include "locks/duration.h"

namespace lockkeeper::cli::stormlock {
namespace {

[[noreturn]] void wrong(const CommandKind* kind, const std::string& what) {
  throw UsageError(usage(kind) + called(kind) + ": error: " + what + '\n');
}

[[noreturn]] void wrong(const CommandKind* kind, const FlagKind& flag, const std::string& what) {
  wrong(kind, "argument " + spelling(flag) + ": " + what);
}

std::string list_of(std::span<const std::string_view> names) {
  std::string text;
  for (const auto name : names) text += (text.empty() ? "'" : ", '") + std::string(name) + "'";
  return text;
}

bool is_negative_number(std::string_view word) {
  const std::string_view number = word.substr(1);
  const std::size_t point = number.find('.');
  const bool digits = number.find_first_not_of("0123456789.") == std::string_view::npos && !number.ends_with('.');
  return digits && number.find('.', point == std::string_view::npos ? point : point + 1) == std::string_view::npos;
}

// Whether it is to be read as an option, known or not.
bool looks_like_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && !is_negative_number(word);
}

struct Match {
  const FlagKind* flag = nullptr;
  std::optional<std::string> value;  // that was given with it: --ttl=1h, -t1h
};

class Reading {
 public:
  explicit Reading(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  std::variant<Options, Farewell> all() {
    while (at_ < arguments_.size()) {
      const std::string& argument = arguments_[at_++];
      if (!ended_ && argument == "--") {
        ended_ = true;
      } else if (const Match match = ended_ ? Match() : match_of(argument); match.flag != nullptr) {
        if (match.flag->flag == Flag::help) return Farewell{help(kind_)};
        take(match);
      } else if (!ended_ && looks_like_option(argument) && argument.find(' ') == std::string::npos) {
        strangers_.push_back(argument);
      } else {
        take_word(argument);
      }
    }
    finish();
    return options_;
  }

 private:
  std::span<const FlagKind> flags() const { return kind_ == nullptr ? global_flags() : kind_->flags; }

  Match match_of(const std::string& argument) const {
    if (argument.size() < 2 || argument[0] != '-') return {};
    if (argument[1] != '-') {
      for (const FlagKind& flag : flags()) {
        if (flag.letter != argument[1]) continue;
        if (argument.size() == 2) return {&flag, std::nullopt};
        // -h takes no value, so it is another word that begins so.
        if (flag.value.empty()) return {};
        return {&flag, argument.substr(argument[2] == '=' ? 3 : 2)};
      }
      return {};
    }
    const std::size_t equals = std::min(argument.find('='), argument.size());
    const std::string_view name = std::string_view(argument).substr(2, equals - 2);
    Match match;
    if (equals < argument.size()) match.value = argument.substr(equals + 1);
    std::size_t beginnings = 0;
    for (const FlagKind& flag : flags()) {
      if (flag.name == name) return {&flag, match.value};
      if (name.empty() || !flag.name.starts_with(name)) continue;
      match.flag = &flag;
      ++beginnings;
    }
    return beginnings == 1 ? match : Match();
  }

  void take(const Match& match) {
    const FlagKind& flag = *match.flag;
    if (flag.value.empty()) {
      if (match.value) wrong(kind_, flag, "takes no value, and got '" + *match.value + "'");
      options_.format = Format::id;
      return;
    }
    const std::string value = match.value ? *match.value : next_word(flag);
    switch (flag.flag) {
      case Flag::config:
        options_.config = value;
        break;
      case Flag::ttl:
        options_.ttl = ttl(flag, value);
        break;
      case Flag::wait:
        options_.wait = wait(flag, value);
        break;
      case Flag::format:
        options_.format = format(flag, value);
        break;
      case Flag::help:
      case Flag::id_only:
        break;
    }
  }

  std::string next_word(const FlagKind& flag) {
    if (at_ == arguments_.size() || arguments_[at_] == "--" ||
        (looks_like_option(arguments_[at_]) && arguments_[at_].find(' ') == std::string::npos)) {
      wrong(kind_, flag, "expected one argument");
    }
    return arguments_[at_++];
  }

  std::chrono::seconds ttl(const FlagKind& flag, const std::string& value) const {
    const auto parsed = parse_ttl(value);
    if (const auto* fault = std::get_if<TtlFault>(&parsed)) wrong(kind_, flag, fault->text);
    return std::get<std::chrono::seconds>(parsed);
  }

  // As a ttl, or as the other tools' durations: 1h30m.
  std::chrono::milliseconds wait(const FlagKind& flag, const std::string& value) const {
    const auto as_ttl = parse_ttl(value);
    if (const auto* seconds = std::get_if<std::chrono::seconds>(&as_ttl)) return *seconds;
    const auto parsed = locks::parse_duration(value);
    if (const auto* fault = std::get_if<locks::DurationFault>(&parsed)) wrong(kind_, flag, fault->text);
    const auto duration = std::get<std::chrono::milliseconds>(parsed);
    if (duration < std::chrono::milliseconds(1)) {
      wrong(kind_, flag, "'" + value + "' is no time: leave --wait away to try once");
    }
    return duration;
  }

  Format format(const FlagKind& flag, const std::string& value) const {
    const auto parsed = parse_format(value);
    if (!parsed) wrong(kind_, flag, "invalid choice: '" + value + "' (choose from " + list_of(format_names) + ")");
    return *parsed;
  }

  void take_word(const std::string& word) {
    if (kind_ != nullptr) {
      if (words_.size() < kind_->words.size()) {
        words_.push_back(word);
      } else {
        strangers_.push_back(word);
      }
      return;
    }
    std::vector<std::string_view> names;
    for (const CommandKind& kind : command_kinds()) {
      if (kind.name == word) kind_ = &kind;
      names.push_back(kind.name);
    }
    if (kind_ == nullptr) {
      wrong(nullptr, "argument cmd: invalid choice: '" + word + "' (choose from " + list_of(names) + ")");
    }
    ended_ = false;  // a `--` before the command ended the program's own options
  }

  void finish() {
    if (kind_ == nullptr) wrong(nullptr, "the following arguments are required: cmd");
    std::string missing;
    for (std::size_t i = words_.size(); i < kind_->words.size(); ++i) {
      missing.append(missing.empty() ? "" : ", ").append(kind_->words[i].name);
    }
    if (!missing.empty()) wrong(kind_, "the following arguments are required: " + missing);
    std::string unknown;
    for (const auto& stranger : strangers_) unknown += ' ' + stranger;
    if (!unknown.empty()) wrong(nullptr, "unrecognized arguments:" + unknown);
    options_.command = kind_->command;
    options_.resource = words_[0];
    if (words_.size() > 1) options_.lease_id = words_[1];
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  bool ended_ = false;
  const CommandKind* kind_ = nullptr;
  std::vector<std::string> words_, strangers_;
  Options options_;
};

}  // namespace

std::variant<Options, Farewell> read_options(const std::vector<std::string>& arguments) {
  return Reading(arguments).all();
}

UsageError usage_error(Command command, const std::string& what) {
  const auto kinds = command_kinds();
  const auto kind =
      std::find_if(kinds.begin(), kinds.end(), [&](const auto& one) { return one.command == command; });
  return UsageError(usage(&*kind) + called(&*kind) + ": error: " + what + '\n');
}

}  // namespace lockkeeper::cli::stormlock
