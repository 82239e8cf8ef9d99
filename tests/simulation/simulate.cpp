#include "tests/simulation/simulate.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <variant>

#include "locks/duration.h"
#include "tests/simulation/campaign.h"
#include "tests/simulation/planted_bug.h"

namespace lockkeeper::simulation {
namespace {

constexpr const char* kUsage =
    "usage: simulate [--seed N] [--histories N | --for 10m] [--bug NAME] [--trace] [--threads N] | --bugs\n"
    "  --seed       the only seed, or with --histories or --for the first one (default: a random one)\n"
    "  --trace      tells the whole story of --seed\n"
    "  --bug NAME   with that fault planted; --bugs lists them\n";

struct Asked {
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> histories;
  std::optional<std::chrono::milliseconds> duration;
  Bug bug = Bug::none;
  bool trace = false;
  bool list = false;
  unsigned threads = std::thread::hardware_concurrency();
};

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) throw std::invalid_argument("no number: " + text);
  return value;
}

Asked read(const std::vector<std::string>& arguments) {
  Asked asked;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == arguments.size()) throw std::invalid_argument(option + " needs a value");
      return arguments[++i];
    };
    if (option == "--seed") {
      asked.seed = number(value());
    } else if (option == "--histories") {
      asked.histories = number(value());
    } else if (option == "--for") {
      const auto parsed = locks::parse_duration(value());
      if (const auto* fault = std::get_if<locks::DurationFault>(&parsed)) throw std::invalid_argument(fault->text);
      asked.duration = std::get<std::chrono::milliseconds>(parsed);
    } else if (option == "--bug") {
      const auto bug = find_bug(value());
      if (!bug) throw std::invalid_argument("no such bug; --bugs lists them");
      asked.bug = *bug;
    } else if (option == "--threads") {
      asked.threads = static_cast<unsigned>(number(value()));
    } else if (option == "--trace") {
      asked.trace = true;
    } else if (option == "--bugs") {
      asked.list = true;
    } else {
      throw std::invalid_argument("unknown option " + option);
    }
  }
  return asked;
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 16) ^ device();  // short enough to be typed
}

int run_many(const Asked& asked, std::uint64_t seed, std::ostream& out) {
  Campaign campaign{.first_seed = seed, .bug = asked.bug, .threads = asked.threads};
  if (asked.histories) campaign.histories = *asked.histories;
  if (asked.duration) campaign.until = std::chrono::steady_clock::now() + *asked.duration;
  out << "first seed " << seed << std::endl;
  const Sum sum = run(campaign);
  for (const auto& [what, number_of] : sum.happenings) out << "  " << number_of << ' ' << what << '\n';
  if (sum.failed_seed) out << report(*sum.failed_seed, asked.bug, true);
  out << sum.histories << " histories, " << sum.calls << " calls, " << sum.commits
      << " commits: " << (sum.failed_seed ? "seed " + std::to_string(*sum.failed_seed) + " failed" : "all hold")
      << std::endl;
  return sum.failed_seed ? 1 : 0;
}

}  // namespace

int simulate(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& error) {
  Asked asked;
  try {
    asked = read(arguments);
  } catch (const std::invalid_argument& fault) {
    error << fault.what() << '\n' << kUsage;
    return 2;
  }
  if (asked.list) {
    for (const BugStory& one : planted_bugs()) out << one.name << ": " << one.story << '\n';
    return 0;
  }
  const std::uint64_t seed = asked.seed.value_or(random_seed());
  if (asked.histories || asked.duration) return run_many(asked, seed, out);
  const std::string told = report(seed, asked.bug, asked.trace);
  out << told;
  return told.ends_with(" holds\n") ? 0 : 1;
}

}  // namespace lockkeeper::simulation
