#include <gtest/gtest.h>

#include "server/auth.h"

namespace lockkeeper::server {
namespace {

TEST(BasicAuth, LetsEverybodyInWhenThereAreNoCredentials) {
  EXPECT_TRUE(BasicAuth().admits(""));
  EXPECT_TRUE(BasicAuth().admits("Basic !!!"));
}

TEST(BasicAuth, AdmitsTheRightCredentialsWhateverTheSchemesCase) {
  const BasicAuth auth("user", "pass");
  for (const char* header : {"Basic dXNlcjpwYXNz", "basic dXNlcjpwYXNz", "BASIC dXNlcjpwYXNz"}) {
    EXPECT_TRUE(auth.admits(header)) << header;
  }
}

// The last two are 500 at the original (compat: auth-scheme-only-is-500, auth-no-colon).
TEST(BasicAuth, RefusesEverythingElse) {
  const BasicAuth auth("user", "pass");
  for (const char* header :
       {"", "dXNlcjpwYXNz", "Bearer dXNlcjpwYXNz", "Basic  dXNlcjpwYXNz", "Basic dXNlcjpwYXNz ",
        "Basic dXNlcjpub3Bl", "Basic bm9wZTpwYXNz", "Basic VXNlcjpwYXNz",
        "Basic dXNlcjo=", "Basic Og==", "Basic !!!", "Basic dXNlcjpwYXNz=", "Basic dXNlcjpwYXN",
        "Basic ====", "Basic =", "Basic ", "Basic", "Basic dXNlcg=="}) {
    EXPECT_FALSE(auth.admits(header)) << header;
  }
}

TEST(BasicAuth, ComparesBytesAndTakesColonsInThePassword) {
  EXPECT_TRUE(BasicAuth("user", "a:b:c").admits("Basic dXNlcjphOmI6Yw=="));
  EXPECT_FALSE(BasicAuth("user", "a:b:c").admits("Basic dXNlcjph"));
  EXPECT_TRUE(BasicAuth("\xC3\xBCser", "p\xC3\xA4ssw\xC3\xB6rd").admits("Basic w7xzZXI6cMOkc3N3w7ZyZA=="));
}

TEST(BasicAuth, RefusesCredentialsOfAnyLength) {
  EXPECT_FALSE(BasicAuth("user", "pass").admits("Basic " + std::string(4096, 'A')));
  EXPECT_FALSE(BasicAuth("user", "pass").admits("Basic " + std::string(40'000, 'A')));
}

TEST(Secret, IsOverwrittenAndEmptied) {
  std::string secret = "password";
  const char* bytes = secret.data();
  wipe(secret);
  EXPECT_TRUE(secret.empty());
  EXPECT_EQ(bytes[1], '\0');
}

}  // namespace
}  // namespace lockkeeper::server
