#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <optional>

#include "stores/dynamodb/dynamodb_store.h"
#include "stores/dynamodb/history.h"
#include "stores/dynamodb/layout.h"
#include "stores/dynamodb/records.h"
#include "stores/dynamodb/settings.h"
#include "tests/contract/real_store.h"
#include "tests/contract/shared_contract.h"
#include "tests/contract/store_contract.h"

namespace lockkeeper::contract {
namespace {

class DynamoPlace final : public Place {
 public:
  DynamoPlace() {
    // Chains of 10,000 commits, and an emulator that carries out one request after the other.
    url_.options["timeout"] = "25s";
    // What is to be forgotten is looked for at once, and not an hour after the last look.
    url_.options["round"] = "0s";
  }

  engine::Store& store() override {
    store_ = another();
    return *store_;
  }
  std::unique_ptr<engine::Store> another() override {
    const auto settings = settings_for(url_);
    return std::make_unique<stores::DynamoStore>(
        stores::dynamodb::read_settings(url_, stores::dynamodb::process_environment), settings.warn, settings.info);
  }
  const stores::StoreUrl& url() const { return url_; }

 private:
  stores::StoreUrl url_ = fresh_place();
  std::unique_ptr<engine::Store> store_;
};

// Beyond the contract: what only this store's ways could get wrong. One operation at a time, as a server of ours
// carries it out, beside the store of the contract.
class DynamoContract : public SharedStoreContract {
 public:
  void SetUp() override {
    SharedStoreContract::SetUp();
    settings_ = stores::dynamodb::read_settings(dynamic_cast<DynamoPlace&>(*place_).url(),
                                                stores::dynamodb::process_environment);
    shared_.table = settings_.table;
    client_.emplace(settings_.connection);
  }

  stores::dynamodb::Session session(std::chrono::nanoseconds begun) {
    return {*client_, shared_, begun, std::chrono::steady_clock::now() + std::chrono::seconds(20)};
  }
  bool has_tombstone(const std::string& lock) {
    const auto item = client_->get(settings_.table, stores::dynamodb::lock_key(lock),
                                   std::chrono::steady_clock::now() + std::chrono::seconds(20));
    return item && item->contains("d");
  }
  // Committed, freed and forgotten; its last version.
  locks::Version forget(const std::string& lock) {
    const locks::Record record = advance(lock, advance(lock, create(lock)), false);
    EXPECT_TRUE(std::get<engine::Pruned>(ask(engine::Prune{lock, record.head.version})).done);
    return record.head.version;
  }
  void trim_all() {
    auto one = session(stores::dynamodb::boot_time());
    while (stores::dynamodb::trim_history(one, {.before = at(-1)}).more) {
    }
  }

  stores::dynamodb::DynamoSettings settings_;
  std::optional<stores::dynamodb::DynamoClient> client_;
  static inline std::chrono::nanoseconds slept_{0};
  stores::dynamodb::Shared shared_{
      .known = stores::dynamodb::Known(),
      .floor = stores::dynamodb::Floor([] { return stores::dynamodb::boot_time() + slept_; })};
};

TEST_P(DynamoContract, ACreationThatComesLateMeetsTheTombstone) {
  // Given a server that has read the floor, and is slow
  const auto begun = stores::dynamodb::boot_time();
  auto slow = session(begun);
  const locks::Version from = stores::dynamodb::read(slow, {"prod"}).floor;
  // when others make, free and forget that lock before its write goes out,
  const locks::Version last = forget("prod");
  // then its creation is none, whatever it had read,
  const auto late = stores::dynamodb::commit(slow, {"prod", creation(from, head(from + 1, true, at(0)))});
  const auto* conflict = std::get_if<engine::Conflict>(&late);
  ASSERT_TRUE(conflict != nullptr);
  EXPECT_FALSE(conflict->record.has_value());
  EXPECT_EQ(conflict->floor, last);
  // and from the floor of now it is one.
  EXPECT_EQ(create("prod").head.version, last + 1);
}

TEST_P(DynamoContract, ACreationThatComesLaterThanTheTombstoneWasKeptReadsTheFloorAgain) {
  // Given a server that has read the floor, and then sleeps
  const auto begun = stores::dynamodb::boot_time();
  auto asleep = session(begun);
  const locks::Version from = stores::dynamodb::read(asleep, {"prod"}).floor;
  // while others make, free and forget that lock, and its tombstone too,
  const locks::Version last = forget("prod");
  shared_.tombstones_are_kept = std::chrono::nanoseconds(1);
  trim_all();
  trim_all();
  ASSERT_FALSE(has_tombstone("prod"));
  // when it goes on, then its creation is none.
  slept_ = std::chrono::seconds(11);
  const auto late = stores::dynamodb::commit(asleep, {"prod", creation(from, head(from + 1, true, at(0)))});
  slept_ = {};
  const auto* conflict = std::get_if<engine::Conflict>(&late);
  ASSERT_TRUE(conflict != nullptr);
  EXPECT_FALSE(conflict->record.has_value());
  EXPECT_EQ(conflict->floor, last);
}

TEST_P(DynamoContract, ATombstoneGoesWhenItWasSeenForLongAndIsNoneOfAYoungerLock) {
  forget("old");
  forget("again");
  const locks::Record again = create("again");
  trim_all();
  trim_all();
  EXPECT_TRUE(has_tombstone("old")) << "an hour has not passed";
  shared_.tombstones_are_kept = std::chrono::nanoseconds(1);
  trim_all();
  EXPECT_FALSE(has_tombstone("old"));
  EXPECT_EQ(read("again").record, again);
  EXPECT_FALSE(read("old").record.has_value());
  EXPECT_EQ(history({"old"}).events.size(), 3U);
}

TEST_P(DynamoContract, WhatOneServerTrimsDoesNotComeBackWithTheNextChangeOfAnother) {
  locks::Record record = create("prod");
  for (int i = 0; i < 9; ++i) record = advance("prod", record);  // this server knows all of the item now
  auto trimming = session(stores::dynamodb::boot_time());
  EXPECT_EQ(stores::dynamodb::trim_history(trimming, {.before = at(-1), .per_lock = 3}).dropped, 7U);
  record = advance("prod", record);
  EXPECT_EQ(history({"prod"}).events.size(), 4U);
  EXPECT_EQ(read("prod").record, record);
}

TEST_P(DynamoContract, EventsThatAreInBothPlacesAreReadOnce) {
  const locks::Version from = floor();
  locks::Record record = create("prod");
  for (int i = 0; i < 20; ++i) record = advance("prod", record);
  // a server that moved half of them, and died before the item could forget them
  stores::dynamodb::move_to_history(*client_, settings_.table, "prod", history({"prod", 0, 10}).events,
                                    std::chrono::steady_clock::now() + std::chrono::seconds(20));
  const auto all = history({"prod"});
  EXPECT_EQ(all.events.size(), 21U);
  EXPECT_EQ(all.oldest, from + 1);
  EXPECT_THAT(versions(history({"prod", from + 8, 4})),
              testing::ElementsAre(from + 9, from + 10, from + 11, from + 12));
  EXPECT_THAT(versions(history({"prod", from + 9, 2, true})), testing::ElementsAre(from + 21, from + 20));
}

INSTANTIATE_TEST_SUITE_P(Dynamodb, DynamoContract, testing::Values(Place::Maker(make_shared_place)));
INSTANTIATE_TEST_SUITE_P(Dynamodb, StoreContract, testing::Values(Place::Maker(make_shared_place)));

}  // namespace

std::unique_ptr<Place> make_shared_place() {
  return std::make_unique<DynamoPlace>();
}

}  // namespace lockkeeper::contract
