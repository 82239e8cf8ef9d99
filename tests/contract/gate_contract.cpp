// A gate is a row like others, in a record of its own under a name that no lock may have.
#include <gmock/gmock.h>

#include <optional>
#include <string>

#include "locks/gate.h"
#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

using locks::gate_name;
using testing::ElementsAre;
using testing::IsEmpty;

class Gates {
 public:
  explicit Gates(StoreContract& store) : store_(store) {}

  // Committed: the gate as it is from now on, none: it is deleted.
  void put(const std::string& id, const std::optional<locks::Gate>& gate) {
    const std::string name = gate_name(id);
    const engine::Found found = store_.read(name);
    const locks::Version expected = found.record ? found.record->head.version : found.floor;
    locks::Head after = head(expected + 1, false, at(0));
    after.key = gate ? "gate" : "";
    after.timed = gate && gate->status == locks::Gate::Status::released ? 1 : 0;
    const locks::RowOperation row =
        gate ? locks::RowOperation(locks::Row(*gate)) : locks::RowId{locks::RowKind::gate, ""};
    store_.commit(name, found.record ? change(expected, after, {row}) : creation(expected, after, {row}));
  }

 private:
  StoreContract& store_;
};

locks::Gate locked() {
  return {"night\"ly\n", "\xC3\xA9", locks::Gate::Status::locked, at(1), at(2), "a note\x01"};
}

locks::Gate released() {
  locks::Gate gate = locked();
  gate.status = locks::Gate::Status::released;
  gate.changed = at(3);
  return gate;
}

engine::Scan all_gates() {
  return {.after = {}, .prefix = std::string(locks::gate_prefix)};
}
engine::Scan timed() {
  return {.after = {}, .prefix = {}, .limit = 256, .timed_only = true};
}

TEST_P(StoreContract, AGateComesBackAsItWasStoredAlsoAfterARestart) {
  Gates gates(*this);
  gates.put("a", locked());
  EXPECT_EQ(read(gate_name("a")).record->gate, locked());
  reopen();
  EXPECT_EQ(read(gate_name("a")).record->gate, locked());
  gates.put("a", released());
  EXPECT_EQ(read(gate_name("a")).record->gate, released());
  reopen();
  EXPECT_EQ(read(gate_name("a")).record->gate, released());
}

TEST_P(StoreContract, ADeletedGateLeavesAFreeHeadAndItsHistory) {
  Gates gates(*this);
  gates.put("a", locked());
  gates.put("a", std::nullopt);
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    const auto record = read(gate_name("a")).record;
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->gate, std::nullopt);
    EXPECT_FALSE(locks::held(*record));
    EXPECT_EQ(history({gate_name("a")}).events.size(), 2U);
  }
}

TEST_P(StoreContract, AGatesIdIsUsedOnce) {
  Gates gates(*this);
  gates.put("a", locked());
  const auto again = creation(floor(), head(floor() + 1, false, at(9)), {locks::Row(released())});
  const Answer answer = ask(engine::Commit{gate_name("a"), again});
  ASSERT_TRUE(std::holds_alternative<engine::Conflict>(answer));
  EXPECT_EQ(std::get<engine::Conflict>(answer).record->gate, locked());
}

TEST_P(StoreContract, GatesAreScannedByTheirPrefixBeforeAllLocks) {
  Gates gates(*this);
  for (const char* lock : {"!", " ", "gate/a", "a"}) create(lock);
  gates.put("b", locked());
  gates.put("a", released());
  gates.put("c", locked());
  gates.put("c", std::nullopt);
  auto question = all_gates();
  EXPECT_THAT(names(scan(question)), ElementsAre(gate_name("a"), gate_name("b"), gate_name("c")));
  question.held_only = true;
  const auto scanned = scan(question);
  EXPECT_THAT(names(scanned), ElementsAre(gate_name("a"), gate_name("b")));
  EXPECT_EQ(scanned.locks.front().record.gate, released());
  EXPECT_EQ(scanned.locks.back().record.gate, locked());
  question.after = gate_name("a");
  EXPECT_THAT(names(scan(question)), ElementsAre(gate_name("b")));
  EXPECT_THAT(names(scan({.after = std::string(locks::gates_end)})), ElementsAre(" ", "!", "a", "gate/a"));
}

TEST_P(StoreContract, AReleasedGateIsTimedAndALockedOrDeletedOneIsNot) {
  Gates gates(*this);
  gates.put("locked", locked());
  gates.put("released", locked());
  EXPECT_THAT(names(scan(timed())), IsEmpty());
  gates.put("released", released());
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    const auto scanned = scan(timed());
    ASSERT_THAT(names(scanned), ElementsAre(gate_name("released")));
    EXPECT_EQ(scanned.locks.front().record.gate, released());
    EXPECT_THAT(scanned.locks.front().ages, IsEmpty()) << "nothing ends it by itself";
  }
  gates.put("released", std::nullopt);
  EXPECT_THAT(names(scan(timed())), IsEmpty());
}

TEST_P(StoreContract, OnlyADeletedGateIsForgotten) {
  Gates gates(*this);
  gates.put("there", released());
  gates.put("gone", locked());
  gates.put("gone", std::nullopt);
  const Answer found = ask(engine::FindFree{at(1'000'000)});
  EXPECT_THAT(std::get<engine::FreeFound>(found).locks, ElementsAre(gate_name("gone")));
  const auto prune = [&](const std::string& id) {
    const Answer answer = ask(engine::Prune{gate_name(id), read(gate_name(id)).record->head.version});
    return std::get<engine::Pruned>(answer).done;
  };
  EXPECT_FALSE(prune("there"));
  EXPECT_TRUE(prune("gone"));
  EXPECT_EQ(read(gate_name("gone")).record, std::nullopt);
  EXPECT_EQ(read(gate_name("there")).record->gate, released());
}

}  // namespace
}  // namespace lockkeeper::contract
