// A session of simulated worlds: all invariants hold in thousands of histories, a seed replays to the letter, and
// every planted bug is found.
#include <gtest/gtest.h>

#include <iostream>
#include <sstream>

#include "tests/simulation/campaign.h"
#include "tests/simulation/simulate.h"
#include "tests/simulation/world.h"

namespace lockkeeper::simulation {
namespace {

constexpr std::uint64_t kHistories = LOCKKEEPER_HISTORIES;
constexpr std::uint64_t kFirstSeed = 1;

TEST(Simulation, WhateverHappensTheRulesHold) {
  const auto began = std::chrono::steady_clock::now();
  const Sum sum = run(Campaign{.first_seed = kFirstSeed, .histories = kHistories, .threads = 2});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << sum.histories << " histories with " << sum.calls << " calls and " << sum.commits << " commits in "
            << took.count() << " s\n";
  if (sum.failed_seed) FAIL() << report(*sum.failed_seed, Bug::none, true);
  EXPECT_EQ(sum.histories, kHistories);
  EXPECT_GT(sum.calls / sum.histories, 60U) << "the histories are no longer worth their name";
  EXPECT_GT(sum.commits / sum.histories, 20U);
}

TEST(Simulation, WhatCanGoWrongDoes) {
  const Sum sum = run(Campaign{.first_seed = kFirstSeed, .histories = 400});
  for (const char* what : {"acquired",
                           "shared",
                           "taken over",
                           "released",
                           "forced",
                           "withdrawn",
                           "conflict",
                           "pruned",
                           "created above a floor",
                           "queued",
                           "granted",
                           "offered",
                           "renewed",
                           "a lease lapsed",
                           "a place lapsed",
                           "an offer passed on",
                           "max_hold ended",
                           "granted to a client that had gone",
                           "client left as it was granted",
                           "request doubled",
                           "request of a client that had left",
                           "given back",
                           "client vanished from its wait",
                           "told queued",
                           "told renewed",
                           "told gone: ended",
                           "late write",
                           "reply lost",
                           "late copy",
                           "server paused",
                           "server killed",
                           "killed during an operation",
                           "wall clock jumped",
                           "server cut off",
                           "store full",
                           "store away",
                           "watch interrupted",
                           "unknown commit begun again",
                           "history asked",
                           "asking again was written",
                           "told granted",
                           "told granted again",
                           "told refused",
                           "told released",
                           "told not yours",
                           "told too many",
                           "told inspected",
                           "told unknown",
                           "told unavailable",
                           "told gone: closed",
                           "told gone: superseded",
                           "told gone: forgotten"}) {
    EXPECT_TRUE(sum.happenings.count(what)) << what;
  }
}

TEST(Simulation, ASeedReplaysToTheLetterAndTheTraceChangesNothing) {
  for (std::uint64_t seed = kFirstSeed; seed < kFirstSeed + 20; ++seed) {
    const Verdict first = run(seed, Bug::none, true);
    const Verdict second = run(seed, Bug::none, true);
    ASSERT_FALSE(first.trace.empty());
    ASSERT_TRUE(first.trace == second.trace) << "seed " << seed << " does not replay";
    EXPECT_EQ(run(seed).digest, first.digest) << "seed " << seed << " runs otherwise when it is traced";
  }
  EXPECT_NE(run(kFirstSeed).digest, run(kFirstSeed + 1).digest);
}

TEST(Simulation, AFailureTellsHowToSeeItAgain) {
  std::ostringstream out, error;
  EXPECT_EQ(simulate({"--histories", "1000", "--seed", "1", "--threads", "1", "--bug", "drop-event"}, out, error),
            1);
  const std::string said = out.str();
  const auto at = said.find("script/simulate --seed ");
  ASSERT_NE(at, std::string::npos) << said;
  EXPECT_NE(said.find("VIOLATION"), std::string::npos) << "the trace shows where";
  // when that line is run
  std::istringstream line(said.substr(at, said.find('\n', at) - at));
  std::string word;
  std::vector<std::string> words;
  for (line >> word; line >> word;) words.push_back(word);
  std::ostringstream again;
  EXPECT_EQ(simulate(words, again, error), 1);
  EXPECT_NE(said.find(again.str()), std::string::npos) << "the same story to the letter";
}

class PlantedBug : public testing::TestWithParam<BugStory> {};

TEST_P(PlantedBug, IsCaught) {
  const Sum sum = run(Campaign{.first_seed = kFirstSeed, .histories = 5000, .bug = GetParam().bug});
  ASSERT_TRUE(sum.failed_seed) << GetParam().story << ": not caught in " << sum.histories << " histories";
  const Verdict verdict = run(*sum.failed_seed, GetParam().bug);
  std::cout << GetParam().name << ": caught after " << sum.histories
            << " histories: " << verdict.violation->substr(0, 300) << '\n';
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedBug, testing::ValuesIn(planted_bugs()), [](const auto& one) {
  std::string name(one.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace lockkeeper::simulation
