#include "locks/limits.h"

#include <gtest/gtest.h>

#include <string>

namespace lockkeeper::locks {
namespace {

const Limits kLimits;

TEST(Limits, AName_IsUpTo512BytesOfUtf8) {
  EXPECT_FALSE(name_fault("prod", kLimits));
  EXPECT_FALSE(name_fault("a/b c%\u00e9\U0001F512", kLimits));
  EXPECT_FALSE(name_fault(std::string(512, 'a'), kLimits));
  EXPECT_EQ(name_fault(std::string(513, 'a'), kLimits),
            "the lock's name is too long (513 bytes; the limit is 512)");
  EXPECT_EQ(name_fault("", kLimits), "the lock's name is empty");
}

TEST(Limits, AName_HasNoControlCharacters) {
  EXPECT_EQ(name_fault("a\nb", kLimits), "the lock's name has a control character at byte 1");
  EXPECT_TRUE(name_fault(std::string("a\0b", 3), kLimits));
  EXPECT_TRUE(name_fault("\x7f", kLimits));
  EXPECT_TRUE(name_fault("\xc2\x85", kLimits));  // U+0085
}

TEST(Limits, InvalidUtf8_IsNoName) {
  for (const char* text : {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) {
    EXPECT_FALSE(valid_utf8(text));
    EXPECT_TRUE(name_fault(text, kLimits));
  }
}

Command acquire(Acquire what) {
  return {"prod", {}, std::move(what)};
}

TEST(Limits, EachFieldHasItsOwnText) {
  const std::string kilo(1024, 'k');
  EXPECT_FALSE(fault(acquire({kilo, kilo, kilo, kilo, 0, {}}), kLimits));
  EXPECT_EQ(fault(acquire({kilo + "k", "h", "", "", {}, {}}), kLimits),
            "key is too long (1025 bytes; the limit is 1024)");
  EXPECT_EQ(fault(acquire({"k", kilo + "k", "", "", {}, {}}), kLimits),
            "holder is too long (1025 bytes; the limit is 1024)");
  EXPECT_TRUE(fault(acquire({"k", "h", kilo + "k", "", {}, {}}), kLimits));
  EXPECT_TRUE(fault(acquire({"k", "h", "#1", "", {}, {}}), kLimits));
  EXPECT_TRUE(fault(acquire({"k", "h", "", "request without a claim", {}, {}}), kLimits));
}

TEST(Limits, Metadata_IsBoundedInPairsAndBytes) {
  Metadata many;
  for (int at = 0; at < 17; ++at) many.emplace_back(std::to_string(at), "");
  EXPECT_EQ(fault(acquire({"k", "h", "", "", {}, many}), kLimits),
            "metadata has too many pairs (17; the limit is 16)");
  many.pop_back();
  EXPECT_FALSE(fault(acquire({"k", "h", "", "", {}, many}), kLimits));
  EXPECT_EQ(fault(acquire({"k", "h", "", "", {}, {{"a", std::string(4096, 'v')}}}), kLimits),
            "metadata is too long (4097 bytes; the limit is 4096)");
}

TEST(Limits, ReleaseOfAllAndOfOne_ExcludeEachOther) {
  EXPECT_TRUE(fault({"prod", {}, Release{"k", "h", "claim", "", {}, true}}, kLimits));
  EXPECT_FALSE(fault({"prod", {}, Release{"k", "h", "", "", {}, true}}, kLimits));
}

}  // namespace
}  // namespace lockkeeper::locks
