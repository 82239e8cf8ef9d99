#include <gtest/gtest.h>

#include "server/routes.h"
#include "server/target.h"

namespace lockkeeper::server {
namespace {

TEST(Target, IsSplitAtTheFirstQuestionMark) {
  EXPECT_EQ(split_target("/lock/a?x=1?y").path, "/lock/a");
  EXPECT_EQ(split_target("/lock/a?x=1?y").query, "x=1?y");
  EXPECT_EQ(split_target("/locks").query, "");
}

TEST(Target, DecodesEveryByteOfAName) {
  EXPECT_EQ(percent_decode("a%2Fb%2fc"), "a/b/c");
  EXPECT_EQ(percent_decode("%E6%97%A5"), "\xE6\x97\xA5");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
  EXPECT_EQ(percent_decode("a+b"), "a+b");
}

TEST(Target, RefusesBadEscapes) {
  for (const char* bad : {"%", "a%", "a%4", "a%zz", "a%4g", "%%41"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(Target, FindsTheLastParameterOfAName) {
  EXPECT_EQ(parameter("after=1&limit=2&after=3", "after"), "3");
  EXPECT_EQ(parameter("prefix=a%20b+c", "prefix"), "a b c");
  EXPECT_EQ(parameter("prefix", "prefix"), "");
  EXPECT_FALSE(parameter("prefixes=1&&", "prefix"));
  EXPECT_FALSE(parameter("", "prefix"));
}

TEST(Target, TakesOnlyWholeNumbersThatFit) {
  EXPECT_EQ(whole_number("18446744073709551615"), 18446744073709551615U);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "18446744073709551616"}) {
    EXPECT_FALSE(whole_number(bad)) << bad;
  }
}

constexpr Route table[] = {
    {"PUT", "/lock/{}", 1}, {"GET", "/lock/{}", 2}, {"GET", "/lock/{}/history", 3}, {"GET", "/locks", 4}};

TEST(Routes, FindTheRowOfMethodAndPath) {
  const Match found = match(table, "GET", "/lock/a%2Fb/history");
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.route->action, 3);
  EXPECT_EQ(found.segment, "a%2Fb");
}

TEST(Routes, TreatDotsAndTheWordHistoryAsNames) {
  for (const char* name : {".", "..", "history", "locks", ":pool", "*"}) {
    const std::string path = std::string("/lock/") + name;  // what was found points into it
    const Match found = match(table, "PUT", path);
    ASSERT_NE(found.route, nullptr) << name;
    EXPECT_EQ(found.segment, name);
  }
}

TEST(Routes, KnowNoEmptyNamesAndNoUncleanPaths) {
  for (const char* path : {"/lock", "/lock/", "/lock//", "/lock//history", "//locks", "/locks/", "/lock/a/",
                           "/lock/a/b", "/LOCKS", "/", "", "*"}) {
    const Match found = match(table, "PUT", path);
    EXPECT_EQ(found.route, nullptr) << path;
    EXPECT_EQ(found.allow, "") << path;
  }
}

TEST(Routes, NameTheMethodsOfAPathThatIsKnown) {
  EXPECT_EQ(match(table, "POST", "/lock/a").allow, "PUT, GET, HEAD");
  EXPECT_EQ(match(table, "put", "/locks").allow, "GET, HEAD");
}

TEST(Routes, TakeHeadWhereTheyTakeGet) {
  const Match found = match(table, "HEAD", "/lock/a");
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.route->action, 2);
  EXPECT_EQ(found.allow, "");
}

}  // namespace
}  // namespace lockkeeper::server
