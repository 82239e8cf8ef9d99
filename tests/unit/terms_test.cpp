#include "locks/terms.h"

#include <gtest/gtest.h>

namespace lockkeeper::locks {
namespace {

using namespace std::chrono_literals;

TEST(Terms, AStarIsAnyTextAndAQuestionMarkIsOneByte) {
  EXPECT_TRUE(matches("deploy-*", "deploy-prod/eu"));
  EXPECT_TRUE(matches("deploy-*", "deploy-"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*b*c", "a-b-b-c"));
  EXPECT_TRUE(matches("db/?", "db/1"));
  EXPECT_FALSE(matches("db/?", "db/12"));
  EXPECT_FALSE(matches("db/?", "db/"));
  EXPECT_FALSE(matches("deploy-*", "my-deploy-1"));
  EXPECT_FALSE(matches("a*b", "a-b-c"));
  EXPECT_TRUE(matches("a.b[1]", "a.b[1]")) << "everything else stands for itself";
  EXPECT_FALSE(matches("a.b", "axb"));
}

TEST(Terms, APatternOfManyStarsIsDecidedSoon) {
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(512, 'a')));
}

TEST(Terms, TheFirstPatternThatHasTheValueDecidesIt) {
  Terms general;
  general.max_hold = 1h;
  general.warn_after = 10min;
  general.grace = 5s;
  const std::vector<TermsOf> by_name = {
      {"db/*", std::nullopt, 1min}, {"db/main", 2h, 2min}, {"*", 3h, std::nullopt}};

  const Terms main = terms_of(general, by_name, "db/main");
  EXPECT_EQ(main.max_hold, 2h);
  EXPECT_EQ(main.warn_after, 1min);
  EXPECT_EQ(main.grace, 5s);
  EXPECT_EQ(terms_of(general, by_name, "other").max_hold, 3h);
  EXPECT_EQ(terms_of(general, by_name, "other").warn_after, 10min);
  EXPECT_EQ(terms_of(general, {}, "other").max_hold, 1h);
}

}  // namespace
}  // namespace lockkeeper::locks
