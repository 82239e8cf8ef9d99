// Random commands against the model, and what must hold whatever was asked: versions without gaps, tokens that only
// grow, nothing granted after its close, a history and rows from which the state can be told.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "locks/decide.h"
#include "model.h"
#include "told.h"

namespace lockkeeper::test {
namespace {

using namespace std::chrono_literals;
using namespace locks;

constexpr std::size_t commands_a_lock = 150;
constexpr std::size_t locks_a_seed = 150;  // 6 seeds of 150 * 150 commands: 135,000 a run

struct Step {
  Command command;  // without `begun`
  // `begun`, counted back from the lock's version then, so that a story can be cut; below 0: never was
  std::optional<std::int64_t> back;
  std::chrono::milliseconds later{0};  // than the step before
};

// The step's command, said at `version`.
Command said(const Step& step, Version version) {
  Command command = step.command;
  if (!step.back) return command;
  const auto begun = std::max<std::int64_t>(0, static_cast<std::int64_t>(version) - *step.back);
  if (auto* acquire = std::get_if<Acquire>(&command.what)) acquire->begun = static_cast<Version>(begun);
  if (auto* release = std::get_if<Release>(&command.what)) release->begun = static_cast<Version>(begun);
  return command;
}

struct Story {
  Version floor = 0;
  Limits limits;
  std::vector<Step> steps;
};

// Names closed at one version have no order among them.
Record sorted(Record record) {
  std::sort(record.closed.begin(), record.closed.end(), [](const ClosedName& one, const ClosedName& other) {
    return std::tie(one.up_to, one.name) < std::tie(other.up_to, other.name);
  });
  return record;
}

// ---- what must hold whatever was asked

// Counts and names as history alone tells them.
class Folded {
 public:
  void take(const Event& event) {
    switch (event.what) {
      case What::acquired:
        complain_if(!counts_.empty(), "acquired while held");
        [[fallthrough]];
      case What::shared:
        ++counts_[event.holder];
        if (!event.claim.empty()) names_[event.claim] = event.holder;
        return;
      case What::taken_over:
        take_away(names_[event.claim], 1);
        ++counts_[event.holder];
        names_[event.claim] = event.holder;
        return;
      case What::released:
        take_away(event.holder, event.count);
        if (!event.claim.empty()) names_.erase(event.claim);
        if (counts_.count(event.holder) == 0) {
          std::erase_if(names_, [&](const auto& name) { return name.second == event.holder; });
        }
        return;
      case What::withdrawn:
        if (event.token == 0) return;
        take_away(event.holder, 1);
        names_.erase(event.claim);
        return;
      case What::forced: {
        std::uint64_t all = 0;
        for (const auto& [holder, count] : counts_) all += count;
        complain_if(all != event.count, "forced counts something else");
        counts_.clear();
        names_.clear();
        return;
      }
      default:
        complain_if(true, std::string("nothing makes an event ") + text(event.what));
    }
  }

  std::string compare(const Record& record) {
    std::map<std::string, std::uint64_t> counts;
    std::map<std::string, std::string> names;
    for (const Tally& tally : record.head.tallies) counts[tally.holder] += tally.count;
    for (const Claim& claim : record.claims) {
      ++counts[claim.holder];
      if (!claim.name.empty()) names[claim.name] = claim.holder;
    }
    complain_if(counts != counts_, "history's counts are not the state's");
    complain_if(names != names_, "history's names are not the state's");
    return complaint_;
  }

 private:
  void take_away(const std::string& holder, std::uint64_t count) {
    auto& left = counts_[holder];
    complain_if(left < count, "more ended than " + holder + " had");
    left -= std::min(left, count);
    if (left == 0) counts_.erase(holder);
  }
  void complain_if(bool wrong, const std::string& what) {
    if (wrong && complaint_.empty()) complaint_ = what;
  }

  std::map<std::string, std::uint64_t> counts_;
  std::map<std::string, std::string> names_;
  std::string complaint_;
};

std::string fault_of_state(const Record& record, const Limits& limits) {
  if (record.head.key.empty() == held(record)) return "the key is there exactly when the lock is held: not so";
  std::set<std::string> names;
  Version last = 0;
  for (const Claim& claim : record.claims) {
    if (!claim.name.empty() && !names.insert(claim.name).second) return "two claims of one name";
    if (claim.token <= last || claim.token > record.head.version) return "claims are not in the order of tokens";
    last = claim.token;
  }
  for (const Tally& tally : record.head.tallies) {
    if (tally.count == 0 || tally.oldest > tally.newest || tally.newest > record.head.version)
      return "a wrong tally";
  }
  if (!std::is_sorted(record.head.tallies.begin(), record.head.tallies.end(),
                      [](const Tally& one, const Tally& other) { return one.holder < other.holder; })) {
    return "tallies are not sorted";
  }
  if (!std::is_sorted(record.closed.begin(), record.closed.end(),
                      [](const ClosedName& one, const ClosedName& other) { return one.up_to < other.up_to; })) {
    return "closed names are not sorted";
  }
  if (record.closed.size() > limits.closed_names) return "too many closed names";
  if (record.claims.size() > limits.claim_rows) return "too many claims";
  return {};
}

// One lock, asked step by step; the first thing that is wrong ends it.
class Trial {
 public:
  explicit Trial(const Story& story)
      : limits_(story.limits),
        record_(absent(story.floor)),
        model_(story.floor, story.limits),
        last_(story.floor) {}

  const std::set<std::string>& seen() const { return seen_; }

  // Empty: fine.
  std::string take(const Step& step) {
    now_ += step.later;
    const Version version = record_.head.version;
    const Command command = said(step, version);
    const Outcome expected = model_.ask(command, now_);
    const Decision decision = decide(record_, command, now_, limits_);
    const Record before = record_;
    if (decision.change) {
      if (auto fault = take(*decision.change); !fault.empty()) return fault;
    }
    const std::string outcome = told(decision.outcome);
    note(decision);
    if (const auto* inspected = std::get_if<Inspected>(&decision.outcome)) {
      if (inspected->record != record_) return "inspected something else";
    } else if (outcome != told(expected)) {
      return outcome + "\n   model: " + told(expected) + "\n  before: " + told(before);
    }
    if (sorted(record_) != sorted(model_.record())) {
      return told(record_) + "\n   model: " + told(model_.record()) + "\n  before: " + told(before);
    }
    if (auto fault = fault_of_state(record_, limits_); !fault.empty()) return fault + ": " + told(record_);
    if (auto fault = folded_.compare(record_); !fault.empty()) return fault + ": " + told(record_);
    return grant(command, decision, version);
  }

 private:
  std::string take(const Change& change) {
    if (change.expected != record_.head.version) return "the change expects another version";
    if (change.head.version != change.expected + change.events.size()) return "version is not the number of events";
    if (change.events.size() != 1) return "a change of " + std::to_string(change.events.size()) + " events";
    Version next = change.expected;
    for (const Event& event : change.events) {
      if (event.version != ++next) return "events are not contiguous";
      if (event.at != now_) return "an event of another time";
      folded_.take(event);
    }
    apply(record_, change);
    return keep_rows(change);
  }

  // A store keeps rows by their ids and knows nothing else: they must come to the same.
  std::string keep_rows(const Change& change) {
    for (const RowOperation& operation : change.rows) {
      if (const auto* gone = std::get_if<RowId>(&operation)) {
        rows_.erase(*gone);
      } else {
        rows_.insert_or_assign(id(std::get<Row>(operation)), std::get<Row>(operation));
      }
    }
    std::map<RowId, Row> expected;
    for (const Claim& claim : record_.claims) expected.emplace(id(claim), claim);
    for (const ClosedName& closed : record_.closed) expected.emplace(id(closed), closed);
    return rows_ == expected ? "" : "the rows do not make the record";
  }

  std::string grant(const Command& command, const Decision& decision, Version version) {
    if (const auto* released = std::get_if<Release>(&command.what)) {
      const bool answered = std::holds_alternative<Released>(decision.outcome);
      if (answered && !released->request.empty() && released->begun && *released->begun <= version) {
        withdrawn_.insert(intention(*released));
      }
    }
    const auto* granted = std::get_if<Granted>(&decision.outcome);
    if (granted == nullptr || granted->again) return {};
    if (granted->token <= last_) return "a token that does not grow";
    last_ = granted->token;
    const auto& acquire = std::get<Acquire>(command.what);
    if (!acquire.request.empty() && acquire.begun && withdrawn_.count(intention(acquire)) != 0) {
      return "granted after it was withdrawn: " + told(record_);
    }
    return {};
  }

  // What came about, for the author to know whether the stories are worth telling.
  void note(const Decision& decision) {
    const std::string outcome = told(decision.outcome);
    seen_.insert(outcome.substr(0, outcome.find(" v")));
    if (outcome.find(" again") != std::string::npos) seen_.insert("again");
    if (!decision.change) return;
    seen_.insert(text(decision.change->events.front().what));
  }

  template <class Named>
  static std::string intention(const Named& named) {
    return named.claim + '/' + named.request + '/' + std::to_string(*named.begun);
  }

  Limits limits_;
  Record record_;
  Model model_;
  Folded folded_;
  std::map<RowId, Row> rows_;
  std::set<std::string> withdrawn_;
  std::set<std::string> seen_;
  WallTime now_{1h};
  Version last_;
};

struct Complaint {
  std::size_t step;
  std::string text;
};

std::optional<Complaint> play(const Story& story, std::set<std::string>* seen = nullptr) {
  Trial trial(story);
  for (std::size_t i = 0; i < story.steps.size(); ++i) {
    if (std::string text = trial.take(story.steps[i]); !text.empty()) return Complaint{i, text};
  }
  if (seen != nullptr) seen->insert(trial.seen().begin(), trial.seen().end());
  return std::nullopt;
}

// The story with every step left out that the complaint does not need.
Story smallest(Story story) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (std::size_t i = story.steps.size(); i-- > 0;) {
      Story less = story;
      less.steps.erase(less.steps.begin() + static_cast<std::ptrdiff_t>(i));
      if (const auto complaint = play(less)) {
        less.steps.resize(complaint->step + 1);
        story = std::move(less);
        smaller = true;
        i = std::min(i, story.steps.size());
      }
    }
  }
  return story;
}

// ---- random stories, over few names so that they meet

class Author {
 public:
  explicit Author(unsigned seed) : random_(seed) {}

  Story story() {
    Story story;
    story.floor = one_in(3) ? below(5) : 0;
    if (one_in(2)) {
      story.limits.claim_rows = 2 + below(3);
      story.limits.holders = 1 + below(2);
      story.limits.tally_count = 1 + below(4);
    }
    if (one_in(2)) story.limits.closed_names = 1 + below(3);
    for (std::size_t i = 0; i < commands_a_lock; ++i) story.steps.push_back(step());
    return story;
  }

 private:
  std::uint64_t below(std::uint64_t limit) {
    return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random_);
  }
  bool one_in(std::uint64_t chances) { return below(chances) == 0; }
  std::string pick(const char* prefix, std::uint64_t choices) { return prefix + std::to_string(below(choices)); }

  // Some version of the past, most likely of late, or one that was never there.
  std::optional<std::int64_t> back() {
    if (one_in(4)) return std::nullopt;
    if (one_in(8)) return static_cast<std::int64_t>(below(commands_a_lock)) - 2;
    return static_cast<std::int64_t>(below(6));
  }

  Step step() {
    Step step;
    step.command.lock = "lock";
    step.command.caller = {one_in(2) ? "ann" : "", "locker"};
    if (one_in(12)) step.later = std::chrono::minutes(below(50));
    const auto dice = below(100);
    if (dice < 50) {
      Acquire it{pick("k", one_in(3) ? 2 : 1), pick("h", 2), "", "", std::nullopt, {}};
      if (one_in(4)) it.metadata = {{"url", pick("m", 3)}};
      if (!one_in(3)) name(it.claim, it.request, step.back);
      step.command.what = it;
    } else if (dice < 95) {
      Release it{pick("k", one_in(6) ? 2 : 1), pick("h", 2), "", "", std::nullopt, false};
      if (one_in(4)) {
        it.all = true;
      } else if (!one_in(3)) {
        name(it.claim, it.request, step.back);
      }
      step.command.what = it;
    } else if (dice < 98) {
      step.command.what = ForceRelease{"because"};
    } else {
      step.command.what = Inspect{};
    }
    return step;
  }

  void name(std::string& claim, std::string& request, std::optional<std::int64_t>& begun) {
    claim = pick("c", 3);
    if (!one_in(4)) request = pick("r", 3);
    begun = back();
  }

  std::mt19937 random_;
};

class RandomCommands : public testing::TestWithParam<unsigned> {};

TEST_P(RandomCommands, DoWhatTheModelDoes) {
  Author author(GetParam());
  std::set<std::string> seen;
  for (std::size_t i = 0; i < locks_a_seed; ++i) {
    const Story story = author.story();
    if (!play(story, &seen)) continue;
    const Story least = smallest(story);
    std::ostringstream out;
    out << "floor " << least.floor << ", closed names " << least.limits.closed_names << ", rows "
        << least.limits.claim_rows << '\n';
    for (const Step& step : least.steps) {
      out << "  +" << step.later.count() << "ms " << told(step.command);
      if (step.back) out << " begun " << *step.back << " ago";
      out << '\n';
    }
    FAIL() << out.str() << "  decide: " << play(least)->text;
  }
  EXPECT_EQ(seen, (std::set<std::string>{"acquired", "again", "forced", "gone 0", "gone 1", "gone 2", "granted",
                                         "inspected", "not yours", "refused", "released", "shared", "taken over",
                                         "too many", "withdrawn"}))
      << "the stories do not tell of everything that can happen";
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCommands, testing::Values(1, 2, 3, 5, 8, 13));

}  // namespace
}  // namespace lockkeeper::test
