// Random commands against the model, and what must hold whatever was asked: versions without gaps, tokens that only
// grow, nobody overtaken, nothing granted after its close, a history and rows from which the state can be told.
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

// Everything in it stands for itself in any state, so that a story can be cut.
struct Step {
  Command command;  // without `begun`, and without what is said of a row of the record
  // `begun`, counted back from the lock's version then; below 0: never was
  std::optional<std::int64_t> back;
  std::size_t row = 0;                 // the claim or place that a lapse, a renewal by token or the like is about
  std::int64_t late = 0;               // what is added to the mark or token that would be the right one
  std::chrono::milliseconds later{0};  // than the step before
  std::optional<std::chrono::milliseconds> max_hold;
  std::uint64_t open = 0;  // polls, a bit for each intention
  bool shared = false;     // with other servers
};

template <class Rows>
const typename Rows::value_type* some(const Rows& rows, std::size_t which) {
  return rows.empty() ? nullptr : &rows[which % rows.size()];
}

void point(Acquire& it, const Step& step, const Record& record) {
  if (!step.back) return;
  it.begun = std::max<std::int64_t>(0, static_cast<std::int64_t>(record.head.version) - *step.back);
}

void point(Release& it, const Step& step, const Record& record) {
  if (!step.back) return;
  it.begun = std::max<std::int64_t>(0, static_cast<std::int64_t>(record.head.version) - *step.back);
}

void point(Renew& it, const Step& step, const Record& record) {
  const Claim* claim = it.claim.empty() ? some(record.claims, step.row) : find_claim(record, it.claim);
  if (it.token) it.token = (claim != nullptr ? claim->token : 1) + static_cast<Version>(step.late);
}

void point(Lapse& it, const Step& step, const Record& record) {
  const Claim* claim = some(record.claims, step.row);
  const Waiter* waiter = some(record.waiters, step.row);
  if (it.kind == RowKind::waiter) {
    it.id = waiter != nullptr ? id(*waiter).id : "nobody";
    it.mark = waiter != nullptr ? waiter->renewed : 1;
  } else {
    it.id = claim != nullptr ? id(*claim).id : "nobody";
    if (claim != nullptr) it.mark = it.max_hold ? claim->granted : claim->renewed;
  }
  it.mark += static_cast<Version>(step.late);
}

void point(GiveBack& it, const Step& step, const Record& record) {
  const Claim* claim = some(record.claims, step.row);
  if (claim == nullptr || claim->name.empty()) return;
  it = {claim->name, claim->request, claim->token + static_cast<Version>(step.late)};
}

void point(OfGate&, const Step&, const Record&) {}  // gates are no locks: see decide_gate_test
void point(KeepPlace& it, const Step& step, const Record& record) {
  const Waiter* waiter = some(record.waiters, step.row);
  it.id = waiter != nullptr ? id(*waiter).id : "nobody";
}

void point(Inspect&, const Step&, const Record&) {}
void point(ForceRelease&, const Step&, const Record&) {}

// The step's command, said of the lock as it is.
Command said(const Step& step, const Record& record) {
  Command command = step.command;
  std::visit([&](auto& what) { point(what, step, record); }, command.what);
  return command;
}

struct Story {
  Version floor = 0;
  Limits limits;
  Terms terms;
  std::vector<Step> steps;
};

// Which polls are open: the bit of each intention is found by its last letters.
class SomePolls final : public Polls {
 public:
  explicit SomePolls(std::uint64_t open) : open_(open) {}

  bool open(const std::string& claim, const std::string& request) const override {
    const unsigned bit = 7U * static_cast<unsigned>(claim.back()) + (request.empty() ? 0U : request.back() - '/');
    return ((open_ >> (bit % 64)) & 1) != 0;
  }

 private:
  std::uint64_t open_;
};

// Names closed at one version have no order among them.
Record sorted(Record record) {
  std::sort(record.closed.begin(), record.closed.end(), [](const ClosedName& one, const ClosedName& other) {
    return std::tie(one.up_to, one.name) < std::tie(other.up_to, other.name);
  });
  return record;
}

// ---- what must hold whatever was asked

// Counts, names and the named part of the queue as history alone tells them.
class Folded {
 public:
  // `after`: tells what history leaves open, whether a withdrawal ended a place or only closed its name.
  void take(const Event& event, const Record& after) {
    switch (event.what) {
      case What::acquired:
        complain_if(!counts_.empty(), "acquired while held");
        return add(event);
      case What::shared:
        complain_if(counts_.empty(), "shared while free");
        return add(event);
      case What::queued:
        complain_if(counts_.empty(), "queued at a free lock");
        if (!event.claim.empty()) queue_.push_back(event.claim);
        return;
      case What::granted:
      case What::offered:
        return grant(event);
      case What::taken_over:
        if (event.token == 0) return;
        take_away(names_[event.claim], 1);
        return add(event);
      case What::renewed:
        complain_if(event.token != 0 && counts_.count(event.holder) == 0, "renewed by who holds nothing");
        return;
      case What::released:
        offers_.erase(event.token);
        take_away(event.holder, event.count);
        if (!event.claim.empty()) names_.erase(event.claim);
        if (counts_.count(event.holder) == 0) {
          std::erase_if(names_, [&](const auto& name) { return name.second == event.holder; });
        }
        return;
      case What::withdrawn:
        if (event.token == 0 && find_waiter(after, event.claim) != nullptr) return;
        [[fallthrough]];
      case What::lapsed:
      case What::offer_lapsed:
        if (event.token == 0) return leave(event.claim);
        offers_.erase(event.token);
        take_away(event.holder, 1);
        names_.erase(event.claim);
        return;
      case What::forced: {
        std::uint64_t all = 0;
        for (const auto& [holder, count] : counts_) all += count;
        complain_if(all != event.count, "forced counts something else");
        counts_.clear();
        names_.clear();
        offers_.clear();
        return;
      }
      default:
        complain_if(true, std::string("nothing makes an event ") + text(event.what));
    }
  }

  std::string compare(const Record& record) {
    std::map<std::string, std::uint64_t> counts;
    std::map<std::string, std::string> names;
    std::vector<std::string> queue;
    for (const Tally& tally : record.head.tallies) counts[tally.holder] += tally.count;
    for (const Claim& claim : record.claims) {
      ++counts[claim.holder];
      if (!claim.name.empty()) names[claim.name] = claim.holder;
    }
    for (const Waiter& waiter : record.waiters) {
      if (!waiter.name.empty()) queue.push_back(waiter.name);
    }
    complain_if(counts != counts_, "history's counts are not the state's");
    complain_if(names != names_, "history's names are not the state's");
    complain_if(queue != queue_, "history's queue is not the state's");
    return complaint_;
  }

 private:
  void add(const Event& event) {
    ++counts_[event.holder];
    if (!event.claim.empty()) names_[event.claim] = event.holder;
  }
  // From the queue; or an offer that is taken up, or a grant that becomes an offer again.
  void grant(const Event& event) {
    if (!event.claim.empty()) {
      if (names_.count(event.claim) != 0) return;
    } else if (event.what == What::offered) {
      offers_[event.token] = event.holder;
    } else {
      const auto offer =
          std::find_if(offers_.begin(), offers_.end(), [&](const auto& one) { return one.second == event.holder; });
      if (offer != offers_.end()) return void(offers_.erase(offer));
    }
    leave(event.claim);
    add(event);
  }
  void leave(const std::string& name) { std::erase(queue_, name); }
  void take_away(const std::string& holder, std::uint64_t count) {
    auto& left = counts_[holder];
    if (left == count) std::erase_if(offers_, [&](const auto& one) { return one.second == holder; });
    complain_if(left < count, "more ended than " + holder + " had");
    left -= std::min(left, count);
    if (left == 0) counts_.erase(holder);
  }
  void complain_if(bool wrong, const std::string& what) {
    if (wrong && complaint_.empty()) complaint_ = what;
  }

  std::map<std::string, std::uint64_t> counts_;
  std::map<std::string, std::string> names_;
  std::map<Version, std::string> offers_;  // unnamed ones
  std::vector<std::string> queue_;
  std::string complaint_;
};

std::string fault_of_queue(const Record& record, const Limits& limits) {
  if (!record.waiters.empty() && !held(record)) return "somebody waits for a free lock";
  const bool full = record.claims.size() >= limits.claim_rows;
  for (const Waiter& waiter : record.waiters) {
    if (full || waiter.key != record.head.key) continue;
    if (waiter == record.waiters.front()) return "the front of the queue has the holders' key";
    if (count(record, waiter.holder) != 0) return "a holder waits for itself";
  }
  if (record.waiters.size() > limits.waiters) return "too many waiters";
  std::set<std::pair<std::string, std::string>> plain;
  for (const Waiter& waiter : record.waiters) {
    if (waiter.grace <= 0ms) return "a place without grace";
    if (waiter.name.empty() && !plain.emplace(waiter.key, waiter.holder).second) return "two places for one poller";
  }
  return {};
}

std::string fault_of_state(const Record& record, const Limits& limits) {
  if (record.head.key.empty() == held(record)) return "the key is there exactly when the lock is held: not so";
  std::set<std::string> names;
  Version last = 0;
  std::uint64_t timed_rows = record.waiters.size();
  for (const Claim& claim : record.claims) {
    if (!claim.name.empty() && !names.insert(claim.name).second) return "two claims of one name";
    if (claim.token <= last || claim.token > record.head.version) return "claims are not in the order of tokens";
    if (claim.granted > claim.token || claim.renewed < claim.token) return "a claim's versions are not in order";
    last = claim.token;
    if (timed(claim)) ++timed_rows;
  }
  if (timed_rows != record.head.timed) return "the head does not say how many can lapse";
  last = 0;
  for (const Waiter& waiter : record.waiters) {
    if (!waiter.name.empty() && !names.insert(waiter.name).second) return "two claims or places of one name";
    if (waiter.place <= last || waiter.place > record.head.version) return "waiters are not in the order of places";
    last = waiter.place;
  }
  if (auto fault = fault_of_queue(record, limits); !fault.empty()) return fault;
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
        terms_(story.terms),
        record_(absent(story.floor)),
        model_(story.floor, story.limits),
        last_(story.floor) {}

  const std::set<std::string>& seen() const { return seen_; }

  // Empty: fine.
  std::string take(const Step& step) {
    now_ += step.later;
    terms_.max_hold = step.max_hold;
    const SomePolls polls(step.open);
    Circumstances around{now_, limits_, terms_, step.open == 0 ? nullptr : &polls};
    if (step.shared) around.committed = record_.head.version;
    const Command command = said(step, record_);
    const Record before = record_;
    if (auto fault = ask(command, around); !fault.empty()) return fault + "\n  before: " + told(before);
    for (;;) {
      const auto rest = locks::hand_over(record_, around);
      if (rest.has_value() != model_.hand_over(around)) return "a hand-over: left by one, not by the other";
      if (!rest) break;
      seen_.insert("the rest of a hand-over");
      if (auto fault = take(*rest, true); !fault.empty()) return fault + "\n  before: " + told(before);
    }
    if (auto fault = fault_of_state(record_, limits_); !fault.empty()) return fault + ": " + told(record_);
    if (auto fault = folded_.compare(record_); !fault.empty()) return fault + ": " + told(record_);
    return {};
  }

 private:
  std::string ask(const Command& command, const Circumstances& around) {
    const Outcome expected = model_.ask(command, around);
    const Version version = record_.head.version;
    const Record before = record_;
    const Decision decision = decide(record_, command, around);
    if (decision.change) {
      const auto* release = std::get_if<Release>(&command.what);
      const bool large = std::holds_alternative<ForceRelease>(command.what) || (release != nullptr && release->all);
      if (auto fault = take(*decision.change, !large); !fault.empty()) return fault;
    } else if (!model_.events().empty()) {
      return "nothing changed; model: " + told(model_.record());
    }
    const std::string outcome = told(decision.outcome);
    note(decision);
    if (const auto* inspected = std::get_if<Inspected>(&decision.outcome)) {
      if (inspected->record != record_) return "inspected something else";
    } else if (outcome != told(expected)) {
      return outcome + "\n   model: " + told(expected);
    } else if (outcome.find("secret") != std::string::npos) {
      return "an answer with a key: " + outcome;
    }
    return grant(command, decision, version, before);
  }

  std::string take(const Change& change, bool bounded) {
    if (change.expected != record_.head.version) return "the change expects another version";
    if (change.head.version != change.expected + change.events.size()) return "version is not the number of events";
    if (change.events.empty()) return "a change without an event";
    Version next = change.expected;
    std::size_t grants = 0;
    for (const Event& event : change.events) {
      if (event.version != ++next) return "events are not contiguous";
      if (event.at != now_) return "an event of another time";
      for (const std::string& text : {event.holder, event.claim, event.reason, event.by, event.door}) {
        if (text.find("secret") != std::string::npos) return "an event with a key";
      }
      if (event.what == What::granted || event.what == What::offered) ++grants;
      seen_.insert(text(event.what));
      if (event.what == What::lapsed && event.token == 0) seen_.insert("place lapsed");
    }
    if (grants > commit_grants) return "too many grants in a change";
    // A grant is two rows, and so is most of what frees the lock; closed names that are forgotten come on top.
    if (bounded && change.rows.size() > commit_rows + 2 + forgotten(change)) return "too many rows in a change";
    apply(record_, change);
    if (sorted(record_) != sorted(model_.record())) {
      return told(record_) + "\n   model: " + told(model_.record());
    }
    for (const Event& event : change.events) folded_.take(event, record_);
    if (auto fault = compare(change.events, model_.events()); !fault.empty()) return fault;
    return keep_rows(change);
  }

  static std::size_t forgotten(const Change& change) {
    return static_cast<std::size_t>(std::count_if(change.rows.begin(), change.rows.end(), [](const auto& row) {
      const auto* gone = std::get_if<RowId>(&row);
      return gone != nullptr && gone->kind == RowKind::closed;
    }));
  }

  static std::string compare(const std::vector<Event>& events, const std::vector<Event>& expected) {
    if (events == expected) return {};
    const auto tell = [](const std::vector<Event>& some) {
      std::ostringstream out;
      for (const Event& event : some) {
        out << "\n    " << event.version << ' ' << text(event.what) << ' ' << event.holder << '/' << event.claim
            << " token " << event.token << " n=" << event.count << " by " << event.by << '/' << event.door << ' '
            << event.reason << event.change;
      }
      return out.str();
    };
    return "events" + tell(events) + "\n   model:" + tell(expected);
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
    for (const Waiter& waiter : record_.waiters) expected.emplace(id(waiter), waiter);
    for (const ClosedName& closed : record_.closed) expected.emplace(id(closed), closed);
    return rows_ == expected ? "" : "the rows do not make the record";
  }

  std::string grant(const Command& command, const Decision& decision, Version version, const Record& before) {
    if (const auto* released = std::get_if<Release>(&command.what)) {
      const bool answered = std::holds_alternative<Released>(decision.outcome);
      if (answered && !released->request.empty() && released->begun && *released->begun <= version) {
        withdrawn_.insert(intention(released->claim, released->request, *released->begun));
      }
    }
    for (const Claim& claim : record_.claims) {
      if (claim.token <= version) continue;
      if (claim.token <= last_) return "a token that does not grow";
      if (withdrawn_.count(intention(claim.name, claim.request, claim.begun)) != 0) {
        return "granted after it was withdrawn: " + told(record_);
      }
    }
    if (!record_.claims.empty()) last_ = std::max(last_, record_.claims.back().token);
    const auto* granted = std::get_if<Granted>(&decision.outcome);
    if (granted == nullptr || granted->again) return {};
    if (granted->token <= version) return "granted with an old token";
    last_ = std::max(last_, granted->token);
    // Who comes anew passes nobody: who was first in the queue still is, or was granted too.
    const auto& acquire = std::get<Acquire>(command.what);
    const bool reenters = count(before, acquire.holder) != 0 || find_claim(before, acquire.claim) != nullptr;
    if (!before.waiters.empty() && !reenters && find_waiter(before, acquire.claim) == nullptr) return "overtaken";
    return {};
  }

  // What came about, for the author to know whether the stories are worth telling.
  void note(const Decision& decision) {
    const std::string outcome = told(decision.outcome);
    seen_.insert(outcome.substr(0, outcome.find(" v")));
    if (std::holds_alternative<Granted>(decision.outcome) && outcome.find(" again") != std::string::npos) {
      seen_.insert("again");
    }
  }

  static std::string intention(const std::string& claim, const std::string& request, Version begun) {
    return claim + '/' + request + '/' + std::to_string(begun);
  }

  Limits limits_;
  Terms terms_;
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
    if (one_in(3)) story.limits.waiters = 1 + below(3);
    if (one_in(2)) story.limits.closed_names = 1 + below(3);
    if (one_in(3)) story.terms.place_for_refused = 90s;
    crowd_ = one_in(12);
    if (crowd_) story.limits = Limits();
    bounds_ = one_in(3);
    names_ = crowd_ ? 90 : 3 + below(4);
    keys_ = one_in(3) ? 3 : 2;
    const std::size_t steps = crowd_ ? 2 * commands_a_lock : commands_a_lock;
    for (std::size_t i = 0; i < steps; ++i) story.steps.push_back(step());
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
    if (one_in(3)) step.later += std::chrono::milliseconds(below(3000));
    if (bounds_ && one_in(4)) step.max_hold = std::chrono::hours(1 + below(2));
    step.shared = one_in(2);
    if (!one_in(3)) step.open = random_() | (std::uint64_t{random_()} << 32);
    step.row = below(100);
    if (one_in(6)) step.late = static_cast<std::int64_t>(below(5)) - 2;
    step.command.what = what(step);
    return step;
  }

  decltype(Command::what) what(Step& step) {
    const auto dice = below(crowd_ ? 75 : 120);
    if (dice < (crowd_ ? 74 : 55)) return acquire(step);
    if (dice < (crowd_ ? 0 : 88)) return release(step);
    if (dice < 91) return ForceRelease{"because"};
    if (dice < 93) return Inspect{};
    if (dice < 100) return renew();
    if (dice < 112) return lapse();
    if (dice < 116) return GiveBack{};
    return KeepPlace{};
  }

  Acquire acquire(Step& step) {
    Acquire it{
        pick("secret", crowd_ && !one_in(20) ? 1 : keys_), pick("h", crowd_ ? 90 : 3), "", "", {}, {}, {}, {}};
    if (one_in(4)) it.metadata = {{"url", pick("m", 3)}};
    if (one_in(4)) it.ttl = std::chrono::seconds(1 + below(3));
    if (!one_in(3)) {
      name(it.claim, it.request, step.back);
      if (!one_in(3)) it.wait = 30s;
    }
    return it;
  }

  Release release(Step& step) {
    Release it{pick("secret", one_in(3) ? keys_ : 1), pick("h", 3), "", "", std::nullopt, false};
    if (one_in(4)) {
      it.all = true;
    } else if (!one_in(3)) {
      name(it.claim, it.request, step.back);
    }
    return it;
  }

  Renew renew() {
    Renew it{pick("secret", one_in(3) ? keys_ : 1), "", std::nullopt, std::nullopt};
    if (!one_in(3)) it.claim = pick("c", names_);
    if (it.claim.empty() || one_in(2)) it.token = 0;  // set when it is said
    if (!one_in(3)) it.ttl = std::chrono::seconds(1 + below(4));
    return it;
  }

  Lapse lapse() { return {one_in(2) ? RowKind::claim : RowKind::waiter, "", 0, one_in(4)}; }

  void name(std::string& claim, std::string& request, std::optional<std::int64_t>& begun) {
    claim = pick("c", names_);
    if (!one_in(4)) request = pick("r", 3);
    begun = back();
  }

  std::mt19937 random_;
  std::uint64_t names_ = 3;
  std::uint64_t keys_ = 2;
  bool crowd_ = false;   // many who share, behind few who do not
  bool bounds_ = false;  // max_hold
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
    out << "floor " << least.floor << (least.terms.place_for_refused ? ", places for refused" : "") << ", waiters "
        << least.limits.waiters << ", closed names " << least.limits.closed_names << ", rows "
        << least.limits.claim_rows << '\n';
    for (const Step& step : least.steps) {
      out << "  +" << step.later.count() << "ms " << told(step.command);
      if (step.back) out << " begun " << *step.back << " ago";
      if (step.max_hold) out << " under max_hold";
      out << " (polls " << std::hex << step.open << std::dec << ", row " << step.row << ", " << step.late << ')';
      out << '\n';
    }
    FAIL() << out.str() << "  decide: " << play(least)->text;
  }
  EXPECT_EQ(seen, (std::set<std::string>{"acquired",     "again",
                                         "forced",       "gone 0",
                                         "gone 1",       "gone 2",
                                         "gone 3",       "granted",
                                         "inspected",    "lapsed",
                                         "not yours",    "noted",
                                         "offer lapsed", "offered",
                                         "place lapsed", "queued",
                                         "refused",      "released",
                                         "renewed",      "shared",
                                         "taken over",   "the rest of a hand-over",
                                         "too many",     "withdrawn"}))
      << "the stories do not tell of everything that can happen";
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCommands, testing::Values(1, 2, 3, 5, 8, 13));

}  // namespace
}  // namespace lockkeeper::test
