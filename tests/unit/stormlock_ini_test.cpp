#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/stormlock/ini.h"

namespace lockkeeper::cli::stormlock {
namespace {

using testing::HasSubstr;

std::string value(const std::string& text, const std::string& key, const std::string& section = "s") {
  const auto found = IniFile("f.cfg", text).section(section);
  return found ? found->get(key, "(none)") : "(no section)";
}

std::string fault_of(const std::string& text) {
  try {
    IniFile("f.cfg", text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

std::string fault_of_value(const std::string& text, const std::string& key) {
  try {
    return "read: " + value(text, key);
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(StormlockIni, AKeyAndItsValueAreDividedByTheFirstEqualsOrColon) {
  EXPECT_EQ(value("[s]\nkey = a=b:c\n", "key"), "a=b:c");
  EXPECT_EQ(value("[s]\nkey: a=b\n", "key"), "a=b");
  EXPECT_EQ(value("[s]\nkey=a", "key"), "a");
  EXPECT_EQ(value("[s]\nkey =\n", "key"), "");
}

TEST(StormlockIni, KeysHaveNoCaseAndSectionsHave) {
  EXPECT_EQ(value("[s]\nTtl = 1d\n", "ttl"), "1d");
  EXPECT_EQ(value("[S]\nttl = 1d\n", "ttl"), "(no section)");
  EXPECT_EQ(value("[a b/c]\nttl = 1d\n", "ttl", "a b/c"), "1d");
  EXPECT_EQ(value("[a]b] rest\nttl = 1d\n", "ttl", "a]b"), "1d");
}

TEST(StormlockIni, CommentsHaveALineOfTheirOwn) {
  const std::string text = "# one\n; two\n[s]\n  # three\nkey = a ; b # c\n";
  EXPECT_EQ(value(text, "key"), "a ; b # c");
}

TEST(StormlockIni, LinesEndAsOnAnySystem) {
  EXPECT_EQ(value("[s]\r\na = 1  \r\nb = 2\r\n", "a"), "1");
  EXPECT_EQ(value("[s]\ra = 1\rb = 2\r", "b"), "2");
}

TEST(StormlockIni, DeeperIndentedLinesContinueAValue) {
  EXPECT_EQ(value("[s]\nkey = one\n  two\n\n  three\n\nnext = 1\n", "key"), "one\ntwo\n\nthree");
  EXPECT_EQ(value("[s]\nkey = one\n  # not this\n  [two]\nnext = 1\n", "key"), "one\n[two]");
  EXPECT_EQ(value("[s]\n  key = one\n  next = 1\n", "next"), "1") << "as deep is not deeper";
}

TEST(StormlockIni, DefaultFeedsTheSectionsThatExist) {
  const std::string text = "[DEFAULT]\na = 1\nb = 1\n[s]\nb = 2\n";
  EXPECT_EQ(value(text, "a"), "1");
  EXPECT_EQ(value(text, "b"), "2");
  EXPECT_EQ(value(text, "a", "other"), "(no section)");
}

TEST(StormlockIni, PercentSignsNameOtherKeys) {
  EXPECT_EQ(value("[s]\nme = joe\nkey = %(ME)s@100%%\n", "key"), "joe@100%");
  EXPECT_EQ(value("[DEFAULT]\nme = joe\n[s]\nkey = %(me)s\n", "key"), "joe");
  EXPECT_THAT(fault_of_value("[s]\nkey = a%b\n", "key"), HasSubstr("f.cfg: [s]: key: a % is written %%"));
  EXPECT_THAT(fault_of_value("[s]\nkey = %(me)s\n", "key"), HasSubstr("me"));
  EXPECT_THAT(fault_of_value("[s]\nkey = %(key)s\n", "key"), HasSubstr("too deep"));
  EXPECT_EQ(fault_of_value("[s]\nkey = 1\nbad = %x\n", "key"), "read: 1") << "nobody reads the bad one";
}

TEST(StormlockIni, KeysThatMultiplyEachOtherEnd) {
  std::string text = "[s]\nk0 = x\n";
  for (int i = 1; i <= 8; ++i) {
    text += "k" + std::to_string(i) + " = ";
    for (int j = 0; j < 20; ++j) text += "%(k" + std::to_string(i - 1) + ")s";
    text += '\n';
  }
  EXPECT_THAT(fault_of_value(text, "k8"), HasSubstr("too many keys"));
  const std::string wide = "[s]\na = " + std::string(50000, 'x') + "\nkey = %(a)s%(a)s\n";
  EXPECT_THAT(fault_of_value(wide, "key"), HasSubstr("too long"));
}

TEST(StormlockIni, FaultsNameTheLineAndWhatToDo) {
  EXPECT_THAT(fault_of("# c\nkey = 1\n"), HasSubstr("f.cfg, line 2: a setting stands before the first [section]"));
  EXPECT_THAT(fault_of("[default\nttl = 1d\n"), HasSubstr("line 1"));
  EXPECT_THAT(fault_of("[s]\nword\n"), HasSubstr("line 2: this is neither [section] nor key = value"));
  EXPECT_THAT(fault_of("[s]\n= 1\n"), HasSubstr("line 2"));
  EXPECT_THAT(fault_of("[]\n"), HasSubstr("line 1"));
  EXPECT_THAT(fault_of("[s]\na = 1\n[t]\n[s]\n"), HasSubstr("line 4: [s] is there twice"));
  EXPECT_THAT(fault_of("[s]\na = 1\nA = 2\n"), HasSubstr("line 3: a is there twice in [s]"));
  EXPECT_THAT(fault_of("[s]\na = \xe9\n"), HasSubstr("f.cfg is not UTF-8"));
  EXPECT_THAT(fault_of("[s]\na = \xed\xa0\x80\n"), HasSubstr("not UTF-8")) << "a surrogate";
  EXPECT_THAT(fault_of("[s]\na = \xc0\x80\n"), HasSubstr("not UTF-8")) << "longer than need be";
  EXPECT_THAT(fault_of("\xef\xbb\xbf[s]\n"), HasSubstr("byte order mark"));
  EXPECT_EQ(fault_of(""), "");
}

}  // namespace
}  // namespace lockkeeper::cli::stormlock
