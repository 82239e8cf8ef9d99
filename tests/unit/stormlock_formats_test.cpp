#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "cli/stormlock/formats.h"

namespace lockkeeper::cli::stormlock {
namespace {

using std::chrono::microseconds;

class StormlockFormats : public testing::Test {
 protected:
  void SetUp() override { in_zone("UTC"); }
  void TearDown() override { in_zone("UTC"); }
  static void in_zone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  static Lease lease(const std::string& principal, microseconds created = microseconds(1700000000999600)) {
    return {"0a1b", principal, std::chrono::sys_time<microseconds>(created)};
  }
};

TEST_F(StormlockFormats, EachShowsTheLeaseInItsWay) {
  const Lease joe = lease("joe");
  EXPECT_EQ(shown(joe, Format::rows), "Principal: joe\nCreated: 2023-11-14T22:13:20.999\nId: 0a1b\n");
  EXPECT_EQ(shown(joe, Format::lines), "joe\n2023-11-14T22:13:20.999\n0a1b\n");
  EXPECT_EQ(shown(joe, Format::oneline), "joe\t2023-11-14T22:13:20.999\t0a1b\n");
  EXPECT_EQ(shown(joe, Format::id), "0a1b\n");
  EXPECT_EQ(shown(joe, Format::json),
            R"({"id": "0a1b", "created": "2023-11-14T22:13:20.999", "principal": "joe"})");
  EXPECT_EQ(shown(joe, Format::cols),
            "PRINCIPAL                  CREATED                    ID                         \n"
            "joe                        2023-11-14T22:13:20.999    0a1b                       \n");
}

TEST_F(StormlockFormats, JsonIsAsciiAsPythonWritesIt) {
  const std::string text =
      shown(lease("J\xc3\xb6rg \"\xe6\x97\xa5\" \\ \xf0\x9f\x94\x92\n\x01\x7f\xff"), Format::json);
  EXPECT_TRUE(text.ends_with(R"("principal": "J\u00f6rg \"\u65e5\" \\ \ud83d\udd12\n\u0001\u007f\ufffd"})"))
      << text;
}

TEST_F(StormlockFormats, ColumnsCountCodePoints) {
  const std::string principal = "\xf0\x9f\x94\x92\xf0\x9f\x94\x92-a-principal-of-30-letters-ok";
  const std::string text = shown(lease(principal), Format::cols);
  EXPECT_EQ(text.find("CREATED"), 31U + 4U);
  EXPECT_EQ(text.find("2023"), 3 * 35U + 1 + principal.size() + 4);
}

TEST_F(StormlockFormats, MomentsAreShownInTheReadersZone) {
  in_zone("America/New_York");
  EXPECT_EQ(shown(lease("j"), Format::oneline), "j\t2023-11-14T17:13:20.999\t0a1b\n");
  in_zone("Asia/Kolkata");
  EXPECT_EQ(shown(lease("j"), Format::oneline), "j\t2023-11-15T03:43:20.999\t0a1b\n");
}

TEST_F(StormlockFormats, MomentsBeforeTheEpochAreCutDownwards) {
  EXPECT_EQ(shown(lease("j", microseconds(-1)), Format::oneline), "j\t1969-12-31T23:59:59.999\t0a1b\n");
}

TEST_F(StormlockFormats, ATimeThatIsTextStaysAsItIs) {
  in_zone("Asia/Tokyo");
  EXPECT_EQ(shown({"i", "j", std::string("2023-11-14T22:13:20.000")}, Format::oneline),
            "j\t2023-11-14T22:13:20.000\ti\n");
}

TEST_F(StormlockFormats, NamesAreExact) {
  EXPECT_EQ(parse_format("cols"), Format::cols);
  EXPECT_EQ(parse_format("ID"), std::nullopt);
  EXPECT_EQ(parse_format(""), std::nullopt);
}

}  // namespace
}  // namespace lockkeeper::cli::stormlock
