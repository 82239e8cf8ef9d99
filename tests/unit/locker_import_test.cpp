// An original locker's data file becomes ours, whole or not at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/store_error.h"
#include "stores/sqlite/new_file.h"
#include "stores/sqlite/sqlite_store.h"
#include "tests/support/asking.h"
#include "tests/support/temporary_folder.h"

namespace lockkeeper {
namespace {

using stores::file_kind;
using stores::FileKind;
using stores::import_locker_file;
using testing::AllOf;
using testing::HasSubstr;

class LockerImport : public testing::Test {
 protected:
  std::size_t import(const std::string& text) {
    std::ofstream(old_, std::ios::binary) << text;
    return import_locker_file(old_, new_);
  }

  std::string refusal(const std::string& text) {
    try {
      import(text);
      return "none";
    } catch (const engine::StoreError& error) {
      EXPECT_FALSE(std::filesystem::exists(new_)) << "nothing half is left";
      EXPECT_EQ(std::distance(std::filesystem::directory_iterator(std::filesystem::path(new_).parent_path()), {}),
                1);
      return error.what();
    }
  }

  template <class Asked>
  void look(Asked asked) {
    stores::SqliteOptions options;
    options.path = new_;
    stores::SqliteStore store(options);
    support::Asking ask(store);
    asked(ask);
  }

  support::TemporaryFolder folder_;
  const std::string old_ = folder_ / "locks.json";
  const std::string new_ = folder_ / "locks.db";
};

TEST_F(LockerImport, TakesOverEachHoldWithATokenAndALineOfHistory) {
  // given a file as the original writes it, with a lock that was released
  const std::string text =
      "{\n    \"a\": {\n        \"locked_by\": {\n            \"k2\": 0\n        },\n        \"key\": \"\"\n    "
      "},\n"
      "    \"b\": {\n        \"locked_by\": {\n            \"r1\": 1,\n            \"r2\": 3\n        },\n"
      "        \"key\": \"k1\"\n    }\n}";
  EXPECT_EQ(import(text), 1U);
  look([](auto& ask) {
    EXPECT_FALSE(std::get<engine::Found>(ask(engine::Read{"a"})).record.has_value());
    const auto b = std::get<engine::Found>(ask(engine::Read{"b"})).record.value();
    EXPECT_EQ(b.head.key, "k1");
    EXPECT_EQ(b.head.version, 2U);
    ASSERT_EQ(b.head.tallies.size(), 2U);
    EXPECT_EQ(b.head.tallies[0].holder, "r1");
    EXPECT_EQ(b.head.tallies[0].count, 1U);
    EXPECT_EQ(b.head.tallies[0].oldest, 1U);
    EXPECT_EQ(b.head.tallies[1].holder, "r2");
    EXPECT_EQ(b.head.tallies[1].count, 3U);
    EXPECT_EQ(b.head.tallies[1].newest, 2U);
    const auto history = std::get<engine::HistoryRead>(ask(engine::ReadHistory{"b"})).events;
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[1].what, locks::What::imported);
    EXPECT_EQ(history[1].holder, "r2");
    EXPECT_EQ(history[1].count, 3U);
  });
}

TEST_F(LockerImport, TakesAKeyWithoutHoldersForHeldAndAnEmptyKeyForFree) {
  EXPECT_EQ(
      import(R"({"b":{"key":"kk"},"c":{"locked_by":{"z":3}},"d":{},"e":null,"f":{"locked_by":null,"key":null}})"),
      1U);
  look([](auto& ask) {
    const auto b = std::get<engine::Found>(ask(engine::Read{"b"})).record.value();
    ASSERT_EQ(b.head.tallies.size(), 1U);
    EXPECT_EQ(b.head.tallies[0].holder, "kk");
    EXPECT_EQ(b.head.tallies[0].count, 1U);
    EXPECT_FALSE(std::get<engine::Found>(ask(engine::Read{"c"})).record.has_value());
  });
}

TEST_F(LockerImport, ReadsHandwrittenFilesAsTheOriginalDoes) {
  EXPECT_EQ(import(R"({"a":{"Key":"k","LOCKED_BY":{"r":2},"note":"x"}} )"), 1U);
  look([](auto& ask) {
    EXPECT_EQ(std::get<engine::Found>(ask(engine::Read{"a"})).record.value().head.tallies[0].count, 2U);
  });
}

TEST_F(LockerImport, OfNoLocksIsAnEmptyFile) {
  EXPECT_EQ(import(""), 0U);
  std::filesystem::remove(new_);
  EXPECT_EQ(import("{}"), 0U);
  EXPECT_EQ(file_kind(new_), FileKind::sqlite);
}

TEST_F(LockerImport, LeavesTheOldFileAndNothingElseBeside) {
  const std::string text = R"({"a":{"key":"k","locked_by":{"r":2}}})";
  import(text);
  EXPECT_EQ(std::filesystem::file_size(old_), text.size());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(std::filesystem::path(new_).parent_path()), {}), 2);
}

TEST_F(LockerImport, IsDoneByOneServerAtATime) {
  {
    const stores::sqlite::NewFile other(new_);
    EXPECT_THROW(import("{}"), engine::StoreError);
    EXPECT_TRUE(std::filesystem::exists(other.temporary())) << "whose file it is";
  }
  EXPECT_EQ(import(R"({"a":{"key":"k"}})"), 1U);
}

TEST_F(LockerImport, NeverReplacesAFileThatIsThere) {
  std::ofstream(new_) << "mine";
  EXPECT_THROW(import("{}"), engine::StoreError);
  EXPECT_EQ(std::filesystem::file_size(new_), 4U);
}

TEST_F(LockerImport, NamesTheLockThatMakesNoSense) {
  const char* nonsense[] = {
      R"("bad":{"key":"k","locked_by":{"r":-1}})",
      R"("bad":{"key":"","locked_by":{"r":-1}})",
      R"("bad":{"key":"k","locked_by":{"r":1.5}})",
      R"("bad":{"key":"k","locked_by":{"r":"1"}})",
      R"("bad":{"key":"k","locked_by":{"r":1000000000001}})",
      R"("bad":{"key":"k","locked_by":{"r":99999999999999999999999}})",
      R"("bad":{"key":"k","locked_by":{"r":1,"r":2}})",
      R"("bad":{"key":"k","locked_by":[]})",
      R"("bad":{"key":"k","Key":"l"})",
      R"("bad":{"key":1})",
      R"("bad":[])",
      R"("bad":{},"bad":{})",
      R"("bad\u0001":{"key":"k"})",
  };
  for (const auto* each : nonsense) {
    EXPECT_THAT(refusal(std::string(R"({"good":{"key":"k"},)") + each + "}"),
                AllOf(HasSubstr(old_), HasSubstr("bad")))
        << each;
  }
}

TEST_F(LockerImport, RefusesWhatIsNotALockersFile) {
  for (const auto* each : {"[]", "null", "{\"a\":", "{} x", "{\"\xFF\":{}}", "7"}) {
    EXPECT_THAT(refusal(each), AllOf(HasSubstr(old_), HasSubstr("not an original locker's file"))) << each;
  }
  EXPECT_THAT(refusal(std::string(1'000'000, '[')), HasSubstr(old_)) << "however deep";
}

TEST_F(LockerImport, KnowsAFileByItsFirstBytes) {
  EXPECT_EQ(file_kind(old_), FileKind::absent);
  std::ofstream(old_) << "";
  EXPECT_EQ(file_kind(old_), FileKind::empty);
  std::ofstream(old_) << " \n{}";
  EXPECT_EQ(file_kind(old_), FileKind::json);
  std::ofstream(old_) << "lock: yes";
  EXPECT_EQ(file_kind(old_), FileKind::other);
  EXPECT_EQ(file_kind(std::filesystem::path(old_).parent_path()), FileKind::other);
}

}  // namespace
}  // namespace lockkeeper
