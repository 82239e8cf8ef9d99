#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/stormlock/options.h"

namespace lockkeeper::cli::stormlock {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using Words = std::vector<std::string>;

Options read(const Words& words) {
  return std::get<Options>(read_options(words));
}

// Its last line.
std::string fault_of(const Words& words) {
  try {
    read_options(words);
  } catch (const UsageError& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("usage: stormlock") && text.ends_with('\n')) << text;
    return text.substr(text.find('\n') + 1);
  }
  return "";
}

TEST(StormlockOptions, OptionsAndWordsMixFreely) {
  for (const Words& words :
       {Words{"renew", "a", "-t", "1h", "id"}, Words{"renew", "-t1h", "a", "id"},
        Words{"renew", "a", "id", "--ttl=1h"}, Words{"renew", "-t=1h", "a", "id"},
        Words{"renew", "a", "--ttl", "1 hour", "id"}, Words{"renew", "--tt", "1h", "a", "id"}}) {
    const Options options = read(words);
    EXPECT_EQ(options.command, Command::renew);
    EXPECT_EQ(options.resource, "a");
    EXPECT_EQ(options.lease_id, "id");
    EXPECT_EQ(options.ttl, std::chrono::hours(1));
  }
}

TEST(StormlockOptions, TheLastOfRepeatedOptionsCounts) {
  EXPECT_EQ(read({"-c", "a", "--config=b", "current", "r"}).config, "b");
  EXPECT_EQ(read({"current", "--id-only", "-f", "json", "r"}).format, Format::json);
  EXPECT_EQ(read({"current", "-f", "json", "--id-only", "r"}).format, Format::id);
  EXPECT_EQ(read({"current", "r"}).format, Format::rows);
}

TEST(StormlockOptions, ADoubleDashEndsOptionsAndNegativeNumbersAreWords) {
  EXPECT_EQ(read({"current", "--id-only", "--", "-x"}).resource, "-x");
  EXPECT_EQ(read({"acquire", "--", "--"}).resource, "--");
  EXPECT_EQ(read({"acquire", "-1"}).resource, "-1");
  EXPECT_EQ(read({"acquire", "-1.5"}).resource, "-1.5");
  EXPECT_EQ(read({"acquire", ""}).resource, "");
  EXPECT_EQ(read({"acquire", "-"}).resource, "-");
  EXPECT_NE(fault_of({"acquire", "-1.5.2"}), "");
  EXPECT_THAT(fault_of({"acquire", "-x"}),
              EndsWith("stormlock acquire: error: the following arguments are required: resource\n"));
}

TEST(StormlockOptions, WhatIsWrongIsSaidInOneLineBehindTheUsage) {
  EXPECT_EQ(fault_of({}), "stormlock: error: the following arguments are required: cmd\n");
  EXPECT_EQ(fault_of({"acq", "x"}),
            "stormlock: error: argument cmd: invalid choice: 'acq' (choose from 'acquire', 'release', 'renew', "
            "'current', "
            "'is-held')\n");
  EXPECT_EQ(fault_of({"release"}),
            "stormlock release: error: the following arguments are required: resource, lease_id\n");
  EXPECT_EQ(fault_of({"current", "a", "b"}), "stormlock: error: unrecognized arguments: b\n");
  EXPECT_EQ(fault_of({"acquire", "-c", "f", "a"}), "stormlock: error: unrecognized arguments: -c a\n");
  EXPECT_EQ(fault_of({"-c"}), "stormlock: error: argument -c/--config: expected one argument\n");
  EXPECT_EQ(fault_of({"acquire", "-t", "-5s", "a"}),
            "stormlock acquire: error: argument -t/--ttl: expected one argument\n");
  EXPECT_THAT(fault_of({"current", "-f", "xml", "a"}), HasSubstr("argument -f/--format: invalid choice: 'xml'"));
  EXPECT_THAT(fault_of({"current", "--id-only=1", "a"}), HasSubstr("argument --id-only: takes no value"));
  EXPECT_THAT(fault_of({"renew", "--wait", "1s", "a", "b"}), HasSubstr("unrecognized")) << "only acquire waits";
}

TEST(StormlockOptions, ATtlIsReadAtOnce) {
  EXPECT_THAT(fault_of({"acquire", "-t", "bad", "-t", "2h", "a"}),
              HasSubstr("argument -t/--ttl: \"bad\" is no time"));
  EXPECT_THAT(fault_of({"acquire", "-t", "0s", "a"}), HasSubstr("a second at least"));
  EXPECT_THAT(fault_of({"acquire", "--ttl=", "a"}), HasSubstr("-t/--ttl"));
}

TEST(StormlockOptions, AWaitIsATtlOrADuration) {
  EXPECT_EQ(read({"acquire", "--wait", "10 minutes", "a"}).wait, std::chrono::minutes(10));
  EXPECT_EQ(read({"acquire", "--wait=1h30m", "a"}).wait, std::chrono::minutes(90));
  EXPECT_EQ(read({"acquire", "a"}).wait, std::nullopt);
  EXPECT_THAT(fault_of({"acquire", "--wait", "0s", "a"}), HasSubstr("argument --wait:"));
  EXPECT_THAT(fault_of({"acquire", "--wait", "soon", "a"}), HasSubstr("argument --wait:"));
}

TEST(StormlockOptions, HelpComesWhereItIsAskedFor) {
  const auto help = [](const Words& words) { return std::get<Farewell>(read_options(words)).text; };
  EXPECT_THAT(help({"-c", "nope.cfg", "--help"}), HasSubstr("is-held"));
  EXPECT_THAT(help({"-h", "acquire", "x"}), HasSubstr("--config FILE"));
  EXPECT_THAT(help({"acquire", "-h"}), HasSubstr("--wait DURATION"));
  EXPECT_NE(fault_of({"frob", "-h"}), "");
}

}  // namespace
}  // namespace lockkeeper::cli::stormlock
