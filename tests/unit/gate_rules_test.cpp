// The life of a gate, rule by rule: locked, released, deleted.
#include <gmock/gmock.h>

#include "locks/gate.h"
#include "locks/limits.h"
#include "tests/unit/rules_story.h"

namespace lockkeeper::locks {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class GateRules : public RulesStory {
 protected:
  template <class What>
  Gated of_gate(What what) {
    return get<Gated>(OfGate{std::move(what)});
  }
  Gated create(const std::string& workflow = "nightly", const std::string& workflow_namespace = "argo") {
    return of_gate(CreateGate{workflow, workflow_namespace});
  }
  Gated release() { return of_gate(ReleaseGate{}); }
  Gated remove() { return of_gate(DeleteGate{}); }
  Gated note(const std::string& text) { return of_gate(NoteGate{text}); }
  Gated inspect() { return of_gate(InspectGate{}); }
};

TEST_F(GateRules, ANewGateIsLockedAndKnowsItsWorkflowAndItsTime) {
  const Gated made = create();

  EXPECT_TRUE(made.changed);
  EXPECT_EQ(made.version, 1U);
  EXPECT_EQ(made.gate, (Gate{"nightly", "argo", Gate::Status::locked, now, now, ""}));
  EXPECT_EQ(record.gate, made.gate);
  EXPECT_TRUE(held(record)) << "or it would be pruned";
  EXPECT_EQ(record.head.timed, 0U) << "nobody has to watch what is locked";
  EXPECT_THAT(told, ElementsAre(What::created));
  EXPECT_EQ(history.back().holder, "argo/nightly");
  EXPECT_EQ(history.back().by, "ann");
  EXPECT_EQ(history.back().version, 1U);
  EXPECT_EQ(history.back().at, now);
}

TEST_F(GateRules, CreatingWhatIsThereChangesNothingAndShowsIt) {
  create();
  release();
  now += 1s;
  const Gated again = create("other", "elsewhere");

  EXPECT_FALSE(changed);
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.gate->workflow, "nightly");
  EXPECT_EQ(again.gate->status, Gate::Status::released);
}

TEST_F(GateRules, AReleaseChangesItsStatusAndWhenThatWas) {
  create();
  const WallTime created = now;
  now += 90s;
  const Gated released = release();

  EXPECT_TRUE(released.changed);
  EXPECT_EQ(released.version, 2U);
  EXPECT_EQ(released.gate, (Gate{"nightly", "argo", Gate::Status::released, created, now, ""}));
  EXPECT_EQ(record.head.timed, 1U) << "an agent has to be told of it, also after a restart";
  EXPECT_THAT(told, ElementsAre(What::released));
}

TEST_F(GateRules, ReleasingTwiceIsFineAndChangesNothing) {
  create();
  const Gated first = release();
  now += 1s;
  const Gated second = release();

  EXPECT_FALSE(changed);
  EXPECT_FALSE(second.changed);
  EXPECT_EQ(second.gate, first.gate);
  EXPECT_EQ(second.version, first.version);
}

TEST_F(GateRules, AReleasedGateIsDeletedWithoutAWord) {
  create();
  release();
  const Gated gone = remove();

  EXPECT_TRUE(gone.changed);
  EXPECT_EQ(gone.gate, std::nullopt);
  EXPECT_EQ(record.gate, std::nullopt);
  EXPECT_EQ(record.head.timed, 0U);
  EXPECT_TRUE(is_free()) << "what is left may be pruned";
  EXPECT_THAT(told, ElementsAre(What::deleted));
  EXPECT_EQ(history.back().reason, "");
  EXPECT_EQ(history.back().holder, "argo/nightly");
}

TEST_F(GateRules, ALockedGateMayBeDeletedAndHistorySaysSo) {
  create();
  EXPECT_TRUE(remove().changed);
  EXPECT_EQ(history.back().what, What::deleted);
  EXPECT_EQ(history.back().reason, "it was locked");
}

TEST_F(GateRules, AnUnknownGateIsNeitherShownNorReleasedNorDeletedNorNoted) {
  for (const bool deleted : {false, true}) {
    if (deleted) {
      create();
      remove();
    }
    const Version before = version();
    for (const Gated& answer : {inspect(), release(), remove(), note("who are you?")}) {
      EXPECT_EQ(answer.gate, std::nullopt);
      EXPECT_FALSE(answer.changed);
    }
    EXPECT_EQ(version(), before);
  }
}

TEST_F(GateRules, ANoteIsShownChangedAndTakenAwayAndIsNoChangeOfStatus) {
  create();
  const WallTime created = now;
  release();
  now += 1h;
  const Gated noted = note("the workflow is not there");

  EXPECT_EQ(noted.gate->note, "the workflow is not there");
  EXPECT_EQ(noted.gate->changed, created) << "when its status changed";
  EXPECT_EQ(noted.gate->status, Gate::Status::released);
  EXPECT_EQ(record.head.timed, 1U);
  EXPECT_EQ(history.back().what, What::noted);
  EXPECT_EQ(history.back().reason, "the workflow is not there");

  note("the workflow is not there");
  EXPECT_FALSE(changed) << "said before: an agent that tries again writes no history";
  EXPECT_EQ(note("").gate->note, "");
  EXPECT_TRUE(changed);
  EXPECT_EQ(inspect().gate->note, "");
  EXPECT_FALSE(changed);
}

TEST_F(GateRules, ANoteOutlivesTheRelease) {
  create();
  note("soon");
  EXPECT_EQ(release().gate->note, "soon");
}

TEST_F(GateRules, AnIdIsUsedOnceAsFarAsIsRemembered) {
  create();
  remove();
  const Gated late = create("weekly");
  EXPECT_EQ(late.gate, std::nullopt) << "a late copy brings nothing back";
  EXPECT_FALSE(changed);

  record = absent(41);
  EXPECT_EQ(create().version, 42U) << "or two of its history's lines had one version";
}

TEST_F(GateRules, ManyCommandsAreOneChangeEach) {
  create();
  note("a");
  release();
  note("b");
  remove();
  std::vector<What> all;
  for (const Event& event : history) all.push_back(event.what);
  EXPECT_THAT(all, ElementsAre(What::created, What::noted, What::released, What::noted, What::deleted));
  for (std::size_t at = 0; at < history.size(); ++at) EXPECT_EQ(history[at].version, at + 1);
}

// ---- names and limits

TEST(GateNames, AreInNoLocksWay) {
  const std::string name = gate_name("e9205d4a");
  EXPECT_TRUE(is_gate(name));
  EXPECT_EQ(gate_id(name), "e9205d4a");
  EXPECT_TRUE(name_fault(name, {}).has_value()) << "no lock may be called so";
  for (const char* lock : {" ", "!", "a", "gate/e9205d4a", "\xC3\xA9"}) {
    EXPECT_FALSE(is_gate(lock));
    EXPECT_LT(gates_end, lock);
    EXPECT_EQ(name_fault(lock, {}), std::nullopt);
  }
  EXPECT_LT(gate_prefix, name);
  EXPECT_LT(name, gates_end);
  EXPECT_LT(gate_name("\xFF\xFF"), gates_end);
}

class GateLimits : public testing::Test {
 protected:
  template <class What>
  std::string fault(What what) {
    return locks::fault({gate_name("x"), {}, OfGate{std::move(what)}}, limits).value_or("");
  }
  Limits limits;
};

TEST_F(GateLimits, ACreationNeedsAWorkflowAndItsNamespaceOfSomeLength) {
  EXPECT_EQ(fault(CreateGate{"w", "n"}), "");
  EXPECT_EQ(fault(CreateGate{"", "n"}), "workflow is empty");
  EXPECT_EQ(fault(CreateGate{"w", ""}), "namespace is empty");
  EXPECT_EQ(fault(CreateGate{std::string(512, 'w'), std::string(512, 'n')}), "");
  EXPECT_EQ(fault(CreateGate{std::string(513, 'w'), "n"}), "workflow is too long (513 bytes; the limit is 512)");
  EXPECT_EQ(fault(CreateGate{"w", std::string(513, 'n')}), "namespace is too long (513 bytes; the limit is 512)");
}

TEST_F(GateLimits, ANoteHasALength) {
  EXPECT_EQ(fault(NoteGate{std::string(1024, 'x')}), "");
  EXPECT_EQ(fault(NoteGate{std::string(1025, 'x')}), "note is too long (1025 bytes; the limit is 1024)");
}

TEST_F(GateLimits, WhatIsAskedOfLocksIsRefused) {
  EXPECT_NE(locks::fault({gate_name("x"), {}, Inspect{}}, limits), std::nullopt);
  EXPECT_NE(locks::fault({gate_name("x"), {}, Acquire{.key = "k", .holder = "h"}}, limits), std::nullopt);
  EXPECT_NE(locks::fault({gate_name("x"), {}, ForceRelease{}}, limits), std::nullopt);
}

TEST_F(GateLimits, WhatIsAskedOfGatesIsRefusedOfALock) {
  EXPECT_NE(locks::fault({"prod", {}, OfGate{CreateGate{"w", "n"}}}, limits), std::nullopt);
  EXPECT_NE(locks::fault({"prod", {}, OfGate{ReleaseGate{}}}, limits), std::nullopt);
}

}  // namespace
}  // namespace lockkeeper::locks
