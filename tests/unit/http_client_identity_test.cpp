// Who the HTTP client trusts and who it shows itself as, beyond what a locker's client needs: what a Kubernetes API
// server asks for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>

#include "http/client.h"
#include "tests/support/forwarding_proxy.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_certificate.h"

namespace lockkeeper::http {
namespace {

using support::TemporaryFolder;
using testing::answer;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::ForwardingProxy;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedServer;
using ::testing::StartsWith;
using testing::TestCertificate;
using Kind = HttpError::Kind;

class HttpClientIdentity : public ::testing::Test {
 protected:
  HttpClientIdentity() {
    for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
                             "NO_PROXY", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
      unsetenv(name);
    }
  }
  ~HttpClientIdentity() override {
    unsetenv("SSL_CERT_FILE");
    unsetenv("NO_PROXY");
  }

  static ClientResponse get(const std::string& url, const ClientSettings& settings) {
    return Client(settings).send({.url = url}, nullptr);
  }
  static Kind failure(const std::string& url, const ClientSettings& settings) {
    try {
      get(url, settings);
    } catch (const HttpError& error) {
      return error.kind;
    }
    ADD_FAILURE() << "no HttpError";
    return Kind::interrupted;
  }

  // What the server was asked for in TLS: SNI.
  static void remember_name(const TestCertificate& certificate, std::string& name) {
    SSL_CTX_set_cert_cb(
        certificate.context(),
        [](SSL* ssl, void* kept) {
          const char* shown = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
          *static_cast<std::string*>(kept) = shown ? shown : "";
          return 1;
        },
        &name);
  }
};

TEST_F(HttpClientIdentity, AGivenCertificateAloneReplacesTheSystems) {
  const TestCertificate systems("IP:127.0.0.1");
  const TestCertificate given("IP:127.0.0.1");
  const TemporaryFolder folder;
  std::ofstream(folder / "system.pem") << systems.pem();
  setenv("SSL_CERT_FILE", (folder / "system.pem").c_str(), 1);
  ScriptedServer one({answer(200, "system's")}, systems.context());
  ScriptedServer two({answer(200, "given")}, given.context());

  const ClientSettings settings{.ca_cert = given.pem(), .ca_cert_only = true};
  EXPECT_EQ(get(two.url(), settings).body, "given");
  EXPECT_EQ(failure(one.url(), settings), Kind::certificate);
  // without one there is nothing to replace them with
  EXPECT_EQ(get(one.url(), {.ca_cert_only = true}).body, "system's");
}

TEST_F(HttpClientIdentity, ShowsItsCertificateToAServerThatDemandsOne) {
  const TestCertificate server_certificate("IP:127.0.0.1");
  const TestCertificate mine("DNS:agent");
  const TestCertificate strange("DNS:agent");
  server_certificate.demand(mine);
  ScriptedServer server({answer(200, "hello")}, server_certificate.context());

  ClientSettings settings{.ca_cert = server_certificate.pem(), .ca_cert_only = true};
  EXPECT_ANY_THROW(get(server.url(), settings));
  settings.client_certificate = strange.pem();
  settings.client_key = strange.key_pem();
  EXPECT_ANY_THROW(get(server.url(), settings));
  EXPECT_TRUE(server.requests().empty());
  settings.client_certificate = mine.pem();
  settings.client_key = mine.key_pem();
  EXPECT_EQ(get(server.url(), settings).body, "hello");
}

TEST_F(HttpClientIdentity, RefusesACertificateOrKeyThatIsNoUseWithoutAskingForAPassword) {
  const TestCertificate mine("DNS:agent");
  const TestCertificate other("DNS:agent");
  const std::pair<std::string, std::string> pairs[] = {{mine.pem(), ""},
                                                       {"", mine.key_pem()},
                                                       {"secret", mine.key_pem()},
                                                       {mine.pem(), "secret"},
                                                       {mine.pem(), mine.key_pem("secret")},
                                                       {mine.pem(), other.key_pem()}};
  for (const auto& [certificate, key] : pairs) {
    try {
      Client client({.client_certificate = certificate, .client_key = key});
      ADD_FAILURE() << certificate << key;
    } catch (const HttpError& error) {
      EXPECT_EQ(error.kind, Kind::certificate);
      EXPECT_THAT(error.what(), HasSubstr("client certificate"));
      EXPECT_THAT(error.what(), Not(HasSubstr("secret")));
    }
  }
}

TEST_F(HttpClientIdentity, TheNameThatTlsChecksMayBeAnotherThanTheUrls) {
  const TestCertificate certificate("DNS:kubernetes.default");
  std::string shown;
  remember_name(certificate, shown);
  ScriptedServer server({answer(200, "hello"), answer(200, "again")}, certificate.context());
  const std::string host = "127.0.0.1:" + std::to_string(server.port());

  ClientSettings settings{.ca_cert = certificate.pem(), .tls_server_name = "kubernetes.default"};
  Client client(settings);
  EXPECT_EQ(client.send({.url = server.url("/a")}, nullptr).body, "hello");
  EXPECT_EQ(client.send({.url = server.url("/b")}, nullptr).body, "again");
  EXPECT_EQ(shown, "kubernetes.default");
  EXPECT_EQ(server.connections(), 1u);
  // asked for by its own name
  EXPECT_THAT(server.requests().at(0), HasSubstr("\r\nHost: " + host + "\r\n"));

  settings.tls_server_name = "other.default";
  EXPECT_EQ(failure(server.url(), settings), Kind::certificate);
  settings.tls_server_name = "no name/at all";
  EXPECT_EQ(failure(server.url(), settings), Kind::bad_url);
}

TEST_F(HttpClientIdentity, AFaultNamesThePlaceAndNotTheNameItIsShownAs) {
  std::string url;
  {
    const ScriptedServer gone({});
    url = "https://127.0.0.1:" + std::to_string(gone.port());
  }
  try {
    get(url, {.tls_server_name = "kubernetes.default"});
    ADD_FAILURE() << "no HttpError";
  } catch (const HttpError& error) {
    EXPECT_EQ(error.kind, Kind::connect);
    EXPECT_THAT(error.what(), StartsWith(url + ": "));
  }
}

TEST_F(HttpClientIdentity, GoesThroughTheGivenProxyWhichSeesNoCredentials) {
  const TestCertificate certificate("DNS:server.test");
  ScriptedServer server({answer(200, "1"), answer(200, "2")}, certificate.context());
  const ForwardingProxy proxy(server.port());
  setenv("NO_PROXY", "*", 1);  // is of the environment's proxies

  ClientSettings settings{.ca_cert = certificate.pem()};
  const ClientRequest request{.url = "https://server.test:6443/x", .headers = {{"Authorization", "Bearer secret"}}};
  settings.proxy = proxy.url("http");
  EXPECT_EQ(Client(settings).send(request, nullptr).body, "1");
  settings.proxy = proxy.url("socks5");
  EXPECT_EQ(Client(settings).send(request, nullptr).body, "2");

  ASSERT_EQ(proxy.asked().size(), 2u);
  EXPECT_THAT(proxy.asked()[0], StartsWith("CONNECT server.test:6443 HTTP/1.1\r\n"));
  EXPECT_THAT(proxy.asked()[0], Not(HasSubstr("Authorization")));
  EXPECT_EQ(proxy.asked()[1], "socks5 server.test:6443");  // the name is the proxy's to look up
  EXPECT_THAT(server.requests().at(0), HasSubstr("\r\nAuthorization: Bearer secret\r\n"));
}

TEST_F(HttpClientIdentity, AProxyIsAskedForThePlaceWhateverNameTlsChecks) {
  const TestCertificate certificate("DNS:kubernetes.default");
  ScriptedServer server({answer(200, "1")}, certificate.context());
  const ForwardingProxy proxy(server.port());
  const ClientSettings settings{
      .ca_cert = certificate.pem(), .tls_server_name = "kubernetes.default", .proxy = proxy.url("http")};
  EXPECT_EQ(get("https://server.test:6443/", settings).body, "1");
  EXPECT_THAT(proxy.asked().at(0), StartsWith("CONNECT server.test:6443 HTTP/1.1\r\n"));
}

TEST_F(HttpClientIdentity, HeedsNoProxyForAGivenProxyWhenToldTo) {
  ScriptedServer server({answer(200, "straight")});
  ScriptedServer proxy({answer(200, "through")});
  setenv("NO_PROXY", "127.0.0.1", 1);
  EXPECT_EQ(get(server.url(), {.proxy = proxy.url(), .heed_no_proxy = true}).body, "straight");
  EXPECT_EQ(get(server.url(), {.proxy = proxy.url()}).body, "through");
}

std::string gzip(const std::string& text) {
  std::string packed(text.size() + 100, '\0');
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TEST_F(HttpClientIdentity, TakesPackedAnswersWhenToldToAndBoundsWhatIsUnpacked) {
  const std::string whole(1000, 'x');
  const auto packed = [](const std::string& text) {
    return answer(200, gzip(text), "application/json", "Content-Encoding: gzip\r\n");
  };
  ScriptedServer server({packed(whole), packed(whole + 'x'), answer(200, "plain")});
  const ClientSettings settings{.answer_bytes = 1000, .compression = true};
  EXPECT_EQ(get(server.url(), settings).body, whole);
  EXPECT_EQ(failure(server.url(), settings), Kind::too_large);
  EXPECT_EQ(get(server.url(), {}).body, "plain");
  EXPECT_THAT(server.requests().at(0), HasSubstr("\r\nAccept-Encoding: gzip\r\n"));
  EXPECT_THAT(server.requests().at(2), Not(HasSubstr("Accept-Encoding")));
}

}  // namespace
}  // namespace lockkeeper::http
