// Whatever the store does, what the engine answers is what the rules say, command by command: random commands on a
// few locks over a store that holds, fails and forgets, against decide() alone.
#include <gmock/gmock.h>

#include <map>
#include <random>

#include "locks/decide.h"
#include "tests/support/stepped_engine.h"

namespace lockkeeper {
namespace {

using test::Asked;

constexpr int kCommands = 30'000;
constexpr int kLocks = 5;

locks::Command random_command(std::mt19937& random) {
  const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  const std::string key = "key " + std::to_string(pick(2));
  const std::string holder = "holder " + std::to_string(pick(3));
  const std::string claim = pick(2) == 0 ? "" : "claim " + std::to_string(pick(4));
  const std::string request = claim.empty() ? "" : "request " + std::to_string(pick(3));
  locks::Command command{"lock " + std::to_string(pick(kLocks)), {"ann", "test"}, locks::Inspect{}};
  switch (pick(10)) {
    case 0:
      break;
    case 1:
      command.what = locks::ForceRelease{"stuck"};
      break;
    case 2:
    case 3:
    case 4:
    case 5:
      command.what = locks::Release{key, holder, claim, pick(2) == 0 ? "" : request, std::nullopt, pick(4) == 0};
      break;
    default:
      command.what = locks::Acquire{key, holder, claim, request, std::nullopt, {}};
  }
  return command;
}

// The parts of an outcome that tell one from another.
std::string told(const locks::Outcome& outcome) {
  std::string text = std::to_string(outcome.index());
  std::visit(
      [&](const auto& one) {
        using T = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<T, locks::Unavailable>) {
          text += " " + one.why;
        } else if constexpr (std::is_same_v<T, locks::Inspected>) {
          text += " version " + std::to_string(one.record.head.version);
        } else {
          text += " version " + std::to_string(one.version);
        }
        if constexpr (std::is_same_v<T, locks::Granted>) {
          text += " token " + std::to_string(one.token) + " count " + std::to_string(one.count);
        }
        if constexpr (std::is_same_v<T, locks::Released>) text += " released " + std::to_string(one.released);
      },
      outcome);
  return text;
}

class EngineModel : public test::SteppedEngine, public testing::WithParamInterface<bool> {};

TEST_P(EngineModel, AnswersWhatTheRulesSayInOrder) {
  store_.alone = GetParam();
  settings_.cached_locks = 3;
  std::mt19937 random(GetParam() ? 1 : 2);
  std::size_t failing = 0;
  store_.memory.fault = [&](const engine::Operation&) -> std::optional<engine::Failed> {
    if (failing == 0) return std::nullopt;
    --failing;
    return engine::Failed{engine::Failed::Kind::no_room, "full"};
  };
  for (int i = 0; i < kCommands; ++i) {
    submit(random_command(random));
    if (random() % 5 == 0) engine_->step();
    if (random() % 40 == 0) store_.memory.hold(random() % 2 == 0);
    if (random() % 10 == 0) store_.memory.release_held(random() % 8);
    if (random() % 200 == 0) failing = random() % 4;
  }
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();

  std::map<std::string, locks::Record> model;
  std::size_t refused = 0;
  for (const Asked& asked : asked_) {
    ASSERT_TRUE(asked.answered);
    if (asked.get<locks::Unavailable>() != nullptr) {
      ++refused;
      continue;  // nothing of it was written
    }
    const auto& command = std::get<locks::Command>(asked.question);
    locks::Record& record = model[command.lock];
    locks::Decision decision = locks::decide(record, command, clock_.wall(), settings_.limits);
    if (!store_.alone && told(asked.outcome()) != told(decision.outcome)) {
      // It is written that somebody asked again, unless that was in the commit of the grant.
      locks::Circumstances around{clock_.wall(), settings_.limits, settings_.terms};
      around.committed = record.head.version;
      decision = locks::decide(record, command, around);
    }
    if (decision.change) locks::apply(record, *decision.change);
    ASSERT_EQ(told(asked.outcome()), told(decision.outcome)) << command.lock;
  }
  EXPECT_GT(refused, 0U);
  EXPECT_LT(refused, static_cast<std::size_t>(kCommands / 2));

  // And the store has what the answers told, with a history without gaps.
  for (const auto& [lock, record] : model) {
    EXPECT_EQ(std::get<engine::Found>(store_.elsewhere(engine::Read{lock}).answer).record, record) << lock;
    const auto history =
        std::get<engine::HistoryRead>(store_.elsewhere(engine::ReadHistory{lock, 0, 1'000'000}).answer);
    ASSERT_EQ(history.events.size(), record.head.version);
    for (std::size_t i = 0; i < history.events.size(); ++i) ASSERT_EQ(history.events[i].version, i + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(AloneAndShared, EngineModel, testing::Bool());

}  // namespace
}  // namespace lockkeeper
