// Released gates as an agent is told of them: in order, from a cursor on, as a long poll, and again after a
// restart.
#include <gmock/gmock.h>

#include <chrono>

#include "engine/gates.h"
#include "locks/gate.h"
#include "tests/unit/engine_waiting.h"

namespace lockkeeper {
namespace {

using engine::GatesRead;
using engine::ReadGates;
using locks::Gate;
using test::Asked;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

std::vector<std::string> ids(const GatesRead& read) {
  std::vector<std::string> all;
  for (const engine::NamedGate& gate : read.gates) all.push_back(gate.id);
  return all;
}

// ---- what is known

class KnownGates : public testing::Test {
 protected:
  void saw(const std::string& id, Gate::Status status, const std::string& note = "") {
    const Gate gate{.workflow = "of " + id, .workflow_namespace = "argo", .status = status, .note = note};
    gates_.saw(locks::gate_name(id), &gate);
  }
  void released(const std::string& id) { saw(id, Gate::Status::released); }
  void gone(const std::string& id) { gates_.saw(locks::gate_name(id), nullptr); }
  GatesRead read(const std::string& cursor = "", std::size_t limit = 500) { return gates_.read({cursor, limit}); }

  engine::Gates gates_{"this-g"};
};

TEST_F(KnownGates, AreThoseThatAreReleasedInTheOrderTheyCame) {
  saw("a", Gate::Status::locked);
  released("c");
  released("a");
  released("b");
  EXPECT_THAT(ids(read()), ElementsAre("c", "a", "b"));
  EXPECT_EQ(read().gates.front().gate.workflow, "of c");
  EXPECT_EQ(gates_.size(), 3U);
}

TEST_F(KnownGates, AreReadOnFromACursor) {
  released("a");
  released("b");
  const std::string cursor = read().cursor;
  EXPECT_THAT(ids(read(cursor)), IsEmpty());
  EXPECT_EQ(read(cursor).cursor, cursor);
  EXPECT_FALSE(read(cursor).reset);
  released("c");
  EXPECT_THAT(ids(read(cursor)), ElementsAre("c"));
  EXPECT_THAT(ids(read()), ElementsAre("a", "b", "c"));
}

TEST_F(KnownGates, ComeInPagesThatMissNothing) {
  for (const char* id : {"a", "b", "c", "d", "e"}) released(id);
  const auto first = read("", 2);
  EXPECT_THAT(ids(first), ElementsAre("a", "b"));
  gone("c");
  const auto second = read(first.cursor, 2);
  EXPECT_THAT(ids(second), ElementsAre("d", "e"));
  EXPECT_THAT(ids(read(second.cursor, 2)), IsEmpty());
}

TEST_F(KnownGates, LeaveWhenTheyAreDeletedAndComeAnewWhenTheyComeBack) {
  released("a");
  released("b");
  const std::string cursor = read().cursor;
  gone("a");
  gone("never there");
  EXPECT_THAT(ids(read()), ElementsAre("b"));
  EXPECT_FALSE(read(cursor).reset);
  gone("b");
  EXPECT_THAT(ids(read()), IsEmpty());
  EXPECT_EQ(gates_.size(), 0U);
  released("a");
  EXPECT_THAT(ids(read(cursor)), ElementsAre("a")) << "it is another one";
}

TEST_F(KnownGates, AreOthersThatWereCreatedAtAnotherTimeUnderTheSameId) {
  released("a");
  const std::string cursor = read().cursor;
  Gate another{.workflow = "w", .workflow_namespace = "argo", .status = Gate::Status::released};
  another.created += 1s;
  gates_.saw(locks::gate_name("a"), &another);
  EXPECT_THAT(ids(read(cursor)), ElementsAre("a"));
  EXPECT_EQ(gates_.size(), 1U);
}

TEST_F(KnownGates, KeepTheirTurnWhenTheyAreNoted) {
  released("a");
  const std::string cursor = read().cursor;
  released("b");
  saw("a", Gate::Status::released, "not there");
  EXPECT_THAT(ids(read(cursor)), ElementsAre("b")) << "a note is no news";
  EXPECT_EQ(read().gates.front().gate.note, "not there");
}

TEST_F(KnownGates, BeginAnewForACursorOfAnotherEngine) {
  released("a");
  for (const char* cursor : {"that-g1", "this-g", "this-g2", "this-g-1", "this-gx", "this-g1x", "1", "this-g 1",
                             "this-g99999999999999999999", "\xFF"}) {
    const auto anew = read(cursor);
    EXPECT_TRUE(anew.reset) << cursor;
    EXPECT_THAT(ids(anew), ElementsAre("a")) << cursor;
    EXPECT_FALSE(read(anew.cursor).reset);
  }
  EXPECT_FALSE(read("this-g1").reset);
  EXPECT_FALSE(read("this-g0").reset) << "of before the first";
}

// ---- at an engine

class GatesFeed : public test::WaitingEngine {
 protected:
  template <class What>
  static locks::Command of_gate(const std::string& id, What what) {
    return {locks::gate_name(id), {"", "workflow"}, locks::OfGate{std::move(what)}};
  }
  void create(const std::string& id) { ask(of_gate(id, locks::CreateGate{"of " + id, "argo"})); }
  void release(const std::string& id) { ask(of_gate(id, locks::ReleaseGate{})); }
  void remove(const std::string& id) { ask(of_gate(id, locks::DeleteGate{})); }
  void released(const std::string& id) {
    create(id);
    release(id);
  }
  GatesRead now(const std::string& cursor = "") {
    return std::get<GatesRead>(ask(ReadGates{.cursor = cursor}).answer);
  }
  static std::vector<std::string> heard(const Asked& poll) { return ids(std::get<GatesRead>(poll.answer)); }
};

TEST_F(GatesFeed, WhatIsReleasedAlreadyIsToldAtOnce) {
  released("b");
  released("a");
  create("locked");
  EXPECT_THAT(heard(ask(ReadGates{.wait = 25s})), ElementsAre("b", "a"));
  EXPECT_EQ(engine_->counters().released_gates, 2U);
}

TEST_F(GatesFeed, AReadThatDoesNotWaitIsAnsweredAtOnce) {
  EXPECT_THAT(ids(now()), IsEmpty());
}

TEST_F(GatesFeed, APollIsWokenByAReleaseOnceItIsCommitted) {
  create("a");
  Asked& poll = ask(ReadGates{.wait = 25s});
  ASSERT_FALSE(poll.answered);
  store_.memory.hold(true);
  submit(of_gate("a", locks::ReleaseGate{}));
  settle();
  EXPECT_FALSE(poll.answered) << "not durable yet";
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  ASSERT_TRUE(poll.answered);
  EXPECT_THAT(heard(poll), ElementsAre("a"));
}

TEST_F(GatesFeed, APollIsNotWokenByWhatIsNoRelease) {
  released("a");
  Asked& poll = ask(ReadGates{.cursor = now().cursor, .wait = 25s});
  create("b");
  ask(of_gate("a", locks::NoteGate{"not there"}));
  remove("a");
  release("unknown");
  ask(test::acquire("prod", "k"));
  EXPECT_FALSE(poll.answered);
  release("b");
  EXPECT_THAT(heard(poll), ElementsAre("b"));
}

TEST_F(GatesFeed, AllThatWaitHearOfIt) {
  Asked& one = ask(ReadGates{.wait = 25s});
  Asked& other = ask(ReadGates{.wait = 5s});
  released("a");
  EXPECT_THAT(heard(one), ElementsAre("a"));
  EXPECT_THAT(heard(other), ElementsAre("a"));
}

TEST_F(GatesFeed, APollOfOneWhoHasHeardOfItGoesOnWaiting) {
  released("a");
  const std::string cursor = now().cursor;
  Asked& old = ask(ReadGates{.cursor = cursor, .wait = 25s});
  pass(24'999ms);
  EXPECT_FALSE(old.answered);
  pass(1ms);
  ASSERT_TRUE(old.answered) << "its time is over";
  EXPECT_THAT(heard(old), IsEmpty());
  EXPECT_EQ(std::get<GatesRead>(old.answer).cursor, cursor);
}

TEST_F(GatesFeed, NobodyWaitsLongerThanTheServerLets) {
  settings_.longest_wait = 1min;
  Asked& poll = ask(ReadGates{.wait = 1h});
  pass(59'999ms);
  EXPECT_FALSE(poll.answered);
  pass(1ms);
  EXPECT_TRUE(poll.answered);
}

TEST_F(GatesFeed, TheEngineWakesForTheEndOfAPoll) {
  ask(ReadGates{.wait = 700ms});
  EXPECT_LE(engine_->nap(), 700ms);
}

TEST_F(GatesFeed, APollWhoseClientLeftIsAnsweredAndTheOthersWait) {
  Asked& gone = ask(ReadGates{.wait = 25s});
  Asked& stays = ask(ReadGates{.wait = 25s});
  EXPECT_EQ(engine_->counters().waiting, 2U);
  ask(engine::Leave{"", "", &gone});
  EXPECT_TRUE(gone.answered);
  EXPECT_FALSE(stays.answered);
  EXPECT_EQ(engine_->counters().waiting, 1U);
  ask(engine::Leave{"", "", &gone});  // said twice
  released("a");
  EXPECT_THAT(heard(stays), ElementsAre("a"));
}

TEST_F(GatesFeed, TheSmallestNumberOfPollsIsKeptWaiting) {
  settings_.waiting = 1;
  Asked& first = ask(ReadGates{.wait = 25s});
  Asked& second = ask(ReadGates{.wait = 25s});
  EXPECT_FALSE(first.answered);
  EXPECT_THAT(heard(second), IsEmpty()) << "answered, rather than refused";
}

TEST_F(GatesFeed, AServerThatStopsAnswersItsPolls) {
  Asked& poll = ask(ReadGates{.wait = 25s});
  engine_->stop();
  settle();
  ASSERT_TRUE(poll.answered);
  EXPECT_THAT(heard(poll), IsEmpty());
  EXPECT_NE(ask(ReadGates{.wait = 25s}).get<locks::Unavailable>(), nullptr);
}

TEST_F(GatesFeed, ARestartedServerFindsWhatWasReleasedAndOfAllLocksReadsThatAlone) {
  settings_.change_prefix = "first-";
  for (int i = 0; i < 300; ++i) released("r" + std::to_string(i));
  for (int i = 0; i < 300; ++i) create("l" + std::to_string(i));
  for (int i = 0; i < 300; ++i) ask(test::acquire("lock " + std::to_string(i), "k"));
  remove("r7");
  const std::string cursor = now().cursor;
  store_.begun.clear();

  settings_.change_prefix = "second-";
  restart();
  const auto again = now(cursor);
  EXPECT_TRUE(again.reset);
  EXPECT_EQ(again.gates.size(), 299U);
  EXPECT_EQ(engine_->counters().released_gates, 299U);
  EXPECT_EQ(store_.all_begun<engine::Read>().size(), 299U);
  EXPECT_FALSE(now(again.cursor).reset);
}

TEST_F(GatesFeed, APollThatWaitsWhileARestartedServerLooksIsToldWhatItFinds) {
  released("a");
  engine_.reset();
  start();
  store_.memory.hold(true);
  Asked& poll = submit(ReadGates{.wait = 25s});
  settle();
  EXPECT_FALSE(poll.answered);
  store_.memory.hold(false);
  store_.memory.release_held();
  settle();
  ASSERT_TRUE(poll.answered);
  EXPECT_THAT(heard(poll), ElementsAre("a"));
}

TEST_F(GatesFeed, OverASharedStoreWhatAnotherServerReleasedIsFound) {
  store_.alone = false;
  Asked& poll = ask(ReadGates{.wait = 25s});
  locks::Record none = locks::absent(0);
  auto made = locks::decide(none, of_gate("a", locks::CreateGate{"w", "n"}), clock_.wall(), {});
  ASSERT_TRUE(made.change.has_value());
  made.change->creates = true;
  store_.elsewhere(engine::Commit{locks::gate_name("a"), *made.change});
  locks::apply(none, *made.change);
  auto let_go = locks::decide(none, of_gate("a", locks::ReleaseGate{}), clock_.wall(), {});
  store_.elsewhere(engine::Commit{locks::gate_name("a"), *let_go.change});
  pass(2s);
  ASSERT_TRUE(poll.answered);
  EXPECT_THAT(heard(poll), ElementsAre("a"));
}

}  // namespace
}  // namespace lockkeeper
