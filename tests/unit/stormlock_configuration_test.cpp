#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/stormlock/configuration.h"
#include "tests/support/temporary_folder.h"

namespace lockkeeper::cli::stormlock {
namespace {

using testing::HasSubstr;

// A home, and a current directory, in which files may be; each says in its principal where it is.
class StormlockConfiguration : public testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::filesystem::create_directories(root() / "work");
    std::filesystem::current_path(root() / "work");
    environment_["HOME"] = root() / "home";
  }
  void TearDown() override { std::filesystem::current_path(before_); }

  std::filesystem::path root() const { return folder_ / ""; }
  std::string put(const std::string& place) {
    std::filesystem::create_directories((root() / place).parent_path());
    std::ofstream(root() / place) << "[default]\nprincipal = " << place << "\n";
    return root() / place;
  }
  std::string used(const std::string& option = "") {
    try {
      return Configuration::find(option, environment_).principal("lock", environment_);
    } catch (const ConfigError& error) {
      return error.what();
    }
  }

  support::TemporaryFolder folder_;
  std::filesystem::path before_;
  Environment environment_;
};

TEST_F(StormlockConfiguration, ItIsLookedForFromTheNearestPlaceOn) {
  EXPECT_THAT(used(), HasSubstr("there is no configuration: write ./.stormlock.cfg"));
  put("home/.stormlock.cfg");
  EXPECT_EQ(used(), "home/.stormlock.cfg");
  put("home/.config/stormlock.cfg");
  EXPECT_EQ(used(), "home/.config/stormlock.cfg");
  put("xdg/stormlock.cfg");
  environment_["XDG_CONFIG_HOME"] = root() / "xdg";
  EXPECT_EQ(used(), "xdg/stormlock.cfg");
  put("work/.stormlock.cfg");
  EXPECT_EQ(used(), "work/.stormlock.cfg");
  environment_["STORMLOCK_CONFIG"] = put("named.cfg");
  EXPECT_EQ(used(), "named.cfg");
  EXPECT_EQ(used(put("option.cfg")), "option.cfg");
}

TEST_F(StormlockConfiguration, AnEmptyVariableIsNone) {
  put("home/.config/stormlock.cfg");
  environment_["XDG_CONFIG_HOME"] = "";
  environment_["STORMLOCK_CONFIG"] = "";
  EXPECT_EQ(used(), "home/.config/stormlock.cfg");
}

TEST_F(StormlockConfiguration, AFolderOfThatNameIsPassedOver) {
  std::filesystem::create_directories(root() / "work/.stormlock.cfg");
  put("home/.stormlock.cfg");
  EXPECT_EQ(used(), "home/.stormlock.cfg");
}

TEST_F(StormlockConfiguration, AFileThatWasNamedHasToBeThere) {
  put("work/.stormlock.cfg");
  EXPECT_THAT(used("nope.cfg"), HasSubstr("cannot read nope.cfg: No such file"));
  environment_["STORMLOCK_CONFIG"] = root();
  EXPECT_THAT(used(), HasSubstr("Is a directory"));
}

Configuration written(const std::string& text) {
  return Configuration(IniFile("f.cfg", text));
}

template <class Call>
std::string fault_of(const Call& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(StormlockSettings, ALocksOwnSectionComesBeforeTheDefault) {
  const auto file =
      written("[default]\nbackend = etcd\nttl = 1d\nprincipal = d\n[special]\nttl = 30 minutes\nprincipal =\n");
  EXPECT_EQ(file.backend("special"), "etcd");
  EXPECT_EQ(file.ttl("special"), std::chrono::minutes(30));
  EXPECT_EQ(file.principal("special", {}), "d") << "empty is as good as missing";
  EXPECT_EQ(file.ttl("Special"), std::chrono::days(1)) << "names are exact";
}

TEST(StormlockSettings, WhatIsMissingIsNamedWithAnExample) {
  const auto file = written("[default]\nttl =\n");
  EXPECT_EQ(fault_of([&] { file.backend("db"); }),
            "f.cfg has no backend for db: write backend = redis under [default] or [db]");
  EXPECT_THAT(fault_of([&] { file.ttl("db"); }), HasSubstr("no ttl for db"));
  EXPECT_THAT(fault_of([&] { file.require_ttl("db"); }), HasSubstr("no ttl for db"));
}

TEST(StormlockSettings, ABadTtlIsNoMissingOne) {
  const auto file = written("[default]\nttl = 1 week\n");
  EXPECT_EQ(fault_of([&] { file.require_ttl("db"); }), "");
  EXPECT_THAT(fault_of([&] { file.ttl("db"); }), HasSubstr("f.cfg: [default]: ttl: \"1 week\" is no time"));
}

TEST(StormlockSettings, ThePrincipalIsWhoIsLoggedInWhereNoneIsConfigured) {
  std::string host(256, '\0');
  ASSERT_EQ(gethostname(host.data(), host.size()), 0);
  host.resize(host.find('\0'));
  const auto file = written("");
  EXPECT_EQ(file.principal("db", {{"USER", "second"}, {"LOGNAME", "first"}}), "first@" + host);
  EXPECT_EQ(file.principal("db", {{"USERNAME", "last"}, {"USER", ""}}), "last@" + host);
  EXPECT_TRUE(file.principal("db", {}).ends_with('@' + host));
}

TEST(StormlockSettings, ABackendWithoutASectionHasItsDefaults) {
  const auto file = written("[backend.redis]\nurl = u\n");
  EXPECT_EQ(file.backend_section("redis").get("url"), "u");
  EXPECT_EQ(file.backend_section("etcd").get("host"), std::nullopt);
  EXPECT_EQ(file.backend_section("etcd").called(), "f.cfg: [backend.etcd]");
}

}  // namespace
}  // namespace lockkeeper::cli::stormlock
