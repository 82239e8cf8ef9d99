// The agent's requests to an API server: over real TLS, with credentials that rotate in real files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "agent/base64.h"
#include "agent/kubernetes.h"
#include "agent/shown_text.h"
#include "tests/support/agent_surroundings.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_certificate.h"

namespace lockkeeper::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::TemporaryFolder;
using testing::AgentSurroundings;
using ::testing::AllOf;
using testing::answer;
using testing::black_hole;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::hang_up;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::raw;
using testing::replace_file;
using testing::ScriptedServer;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::TestCertificate;
using testing::write_file;
using testing::write_script;
using Kind = ApiAnswer::Kind;

TEST(WorkflowNames, AreThoseThatKubernetesGives) {
  const std::string longest(63, 'a');
  for (const std::string good : {"a", "0", "ci", "a-b--c", "9-9", longest.c_str()}) {
    EXPECT_TRUE(valid_namespace(good)) << good;
    EXPECT_TRUE(valid_workflow_name(good)) << good;
  }
  for (const std::string bad : {"",  "-",    "-a", "a-", "A",   "a_b", "a/b",      "a%2Fb", "a b",  "..",
                                ".", "a..b", ".a", "a.", "a?x", "a#",  "\xC3\xA4", "a\n",   "a.-b", "a-.b"}) {
    EXPECT_FALSE(valid_namespace(bad)) << bad;
    EXPECT_FALSE(valid_workflow_name(bad)) << bad;
  }
  EXPECT_FALSE(valid_namespace(std::string("a\0b", 3)));
  EXPECT_FALSE(valid_namespace("a.b"));
  EXPECT_TRUE(valid_workflow_name("a.b-c.0"));
  EXPECT_FALSE(valid_namespace(longest + "a"));
  EXPECT_TRUE(valid_workflow_name(longest + "a"));
  EXPECT_TRUE(valid_workflow_name(std::string(253, 'a')));
  EXPECT_FALSE(valid_workflow_name(std::string(254, 'a')));
}

ApiAnswer read(unsigned status, const std::string& body, const std::string& retry_after = "") {
  http::ClientResponse response;
  response.status = status;
  response.body = body;
  response.retry_after = retry_after;
  return read_answer(std::move(response), std::chrono::sys_days(std::chrono::year(2026) / 11 / 21));
}
std::string failure(const std::string& reason, const std::string& message, const std::string& details = "{}") {
  return R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":")" + reason + R"(","message":")" +
         message + R"(","details":)" + details + "}";
}

TEST(ApiAnswer, SaysWhichRowOfTheTableApplies) {
  const std::string workflow_details = R"({"name":"w","group":"argoproj.io","kind":"workflows"})";
  struct {
    unsigned status;
    std::string body;
    Kind kind;
  } const cases[] = {
      {200, "{}", Kind::ok},
      {201, "{}", Kind::ok},
      {404, failure("NotFound", "workflows.argoproj.io \\\"w\\\" not found", workflow_details), Kind::absent},
      {404, R"({"code":5,"message":"not found"})", Kind::absent},
      {404, "404 page not found\n", Kind::no_such_api},
      {404, "", Kind::no_such_api},
      {404, failure("NotFound", "the server could not find the requested resource"), Kind::no_such_api},
      {404, "<html>workflows</html>", Kind::no_such_api},
      {409, failure("Conflict", "the object has been modified", workflow_details), Kind::conflict},
      {401, failure("Unauthorized", "Unauthorized"), Kind::unauthorized},
      {403, failure("Forbidden", "cannot patch resource"), Kind::forbidden},
      {403, failure("Forbidden", "exceeded quota: q"), Kind::busy},
      {403, "", Kind::forbidden},
      {400, failure("BadRequest", "bad"), Kind::rejected},
      {415, failure("UnsupportedMediaType", "bad"), Kind::rejected},
      {422, failure("Invalid", "bad"), Kind::rejected},
      {405, "", Kind::rejected},
      {302, "", Kind::rejected},
      {413, "", Kind::too_large},
      {500, failure("", "etcdserver: request is too large"), Kind::too_large},
      {500, failure("InternalError", "oops"), Kind::busy},
      {408, "", Kind::busy},
      {429, "", Kind::busy},
      {500, "", Kind::busy},
      {502, "<html>", Kind::busy},
      {503, "", Kind::busy},
      {504, failure("Timeout", "t"), Kind::busy},
      {422, failure("ServerTimeout", "t"), Kind::busy},
      {400, failure("TooManyRequests", "t"), Kind::busy},
  };
  for (const auto& each : cases) {
    const ApiAnswer result = read(each.status, each.body);
    EXPECT_EQ(result.kind, each.kind) << each.status << each.body;
    EXPECT_EQ(result.status, each.status);
    EXPECT_EQ(result.message.empty(), each.kind == Kind::ok) << each.status << each.body;
    EXPECT_EQ(result.body, each.kind == Kind::ok ? each.body : "");
  }
}

TEST(ApiAnswer, BringsTheServersWordsOnOneLine) {
  EXPECT_EQ(read(403, failure("Forbidden", "User \\\"u\\\" cannot patch\\nresource")).message,
            "the server answered 403: User \"u\" cannot patch resource");
  EXPECT_EQ(read(404, "404 page not found\n").message, "the server answered 404: 404 page not found");
  EXPECT_EQ(read(503, "").message, "the server answered 503");
  EXPECT_EQ(read(307, "secret").message, "the server answered 307, a redirect, which is not followed");
  EXPECT_LT(read(500, std::string(2'000'000, 'x')).message.size(), 1100u);
  EXPECT_EQ(read(500, R"({"message":5,"details":[],"code":"x"})").kind, Kind::busy);
}

TEST(ApiAnswer, BringsTheServersWishForAPause) {
  EXPECT_EQ(read(429, "", "7").retry_after, seconds(7));
  EXPECT_EQ(read(429, failure("TooManyRequests", "t", R"({"retryAfterSeconds":3})"), "7").retry_after, seconds(7));
  EXPECT_EQ(read(504, failure("Timeout", "t", R"({"retryAfterSeconds":3})")).retry_after, seconds(3));
  EXPECT_EQ(read(503, "", "soon").retry_after, std::nullopt);
  EXPECT_EQ(read(503, failure("", "", R"({"retryAfterSeconds":-1})")).retry_after, std::nullopt);
  EXPECT_EQ(read(404, "", "7").retry_after, std::nullopt);
}

TEST(ShownText, StaysOnOneLineAndIsCutBetweenCharacters) {
  EXPECT_EQ(shown_text("a\n\x1b[1m\x7f\t"), "a  [1m  ");
  EXPECT_EQ(shown_text("a\xC3\xA4z", 2), "a..");
  EXPECT_EQ(shown_text("a\xC3\xA4", 3), "a\xC3\xA4");
}

// An API server over TLS, and the agent's access to it.
class Kubernetes : public ::testing::Test {
 protected:
  Kubernetes() : certificate_("IP:127.0.0.1") {
    for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                             "no_proxy", "NO_PROXY", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
      unsetenv(name);
    }
    world_.environment["PATH"] = "/usr/bin:/bin";
  }

  ServerSettings server_settings(const ScriptedServer& server) const {
    ServerSettings settings;
    settings.url = server.url();
    settings.ca_data = certificate_.pem();
    return settings;
  }
  std::shared_ptr<Credentials> credentials(UserSettings user) {
    user.source = "/config: user 'u'";
    return std::make_shared<Credentials>(std::move(user), world_.surroundings());
  }
  std::string fault(const UserSettings& user) {
    try {
      credentials(user);
    } catch (const ConfigError& error) {
      return error.what();
    }
    ADD_FAILURE() << "no ConfigError";
    return "";
  }
  static ApiAnswer get(Endpoint& endpoint) { return KubernetesApi(endpoint).get_workflow("ci", "w", nullptr); }

  // The value of each header of that name.
  static std::vector<std::string> header(const std::string& request, const std::string& name) {
    std::vector<std::string> values;
    const std::string head = request.substr(0, request.find("\r\n\r\n") + 2);
    for (auto at = head.find("\r\n" + name + ": "); at != std::string::npos;
         at = head.find("\r\n" + name + ": ", at)) {
      at += name.size() + 4;
      values.push_back(head.substr(at, head.find("\r\n", at) - at));
    }
    return values;
  }
  static std::vector<std::string> authorizations(const ScriptedServer& server) {
    std::vector<std::string> all;
    for (const std::string& request : server.requests()) {
      const auto values = header(request, "Authorization");
      all.push_back(values.empty() ? "" : values[0]);
    }
    return all;
  }
  std::vector<testing::Answer> fine(std::size_t count) const { return std::vector(count, answer(200, "{}")); }

  TestCertificate certificate_;
  TemporaryFolder folder_;
  AgentSurroundings world_;
};

TEST_F(Kubernetes, ReadsPatchesAndReplacesAWorkflow) {
  ScriptedServer server({answer(200, "{\"a\":1}"), answer(200, "{\"b\":2}"), answer(200, "{\"c\":3}")},
                        certificate_.context());
  ServerSettings settings = server_settings(server);
  settings.url += "/k8s/clusters/c-1/";
  Endpoint endpoint(settings, credentials({.token = "t0ken"}));
  KubernetesApi api(endpoint);
  EXPECT_EQ(api.get_workflow("ci", "w.x", nullptr).body, "{\"a\":1}");
  EXPECT_EQ(api.patch_workflow("ci", "w", "{\"p\":1}", nullptr).body, "{\"b\":2}");
  EXPECT_EQ(api.put_workflow("ci", "w", "{\"whole\":1}", nullptr).body, "{\"c\":3}");

  const auto requests = server.requests();
  const std::string path = " /k8s/clusters/c-1/apis/argoproj.io/v1alpha1/namespaces/ci/workflows/w";
  EXPECT_THAT(requests.at(0), StartsWith("GET" + path + ".x HTTP/1.1\r\n"));
  EXPECT_THAT(requests.at(1), AllOf(StartsWith("PATCH" + path + " HTTP/1.1\r\n"), EndsWith("\r\n\r\n{\"p\":1}")));
  EXPECT_THAT(header(requests.at(1), "Content-Type"), ElementsAre("application/merge-patch+json"));
  EXPECT_THAT(requests.at(2), AllOf(StartsWith("PUT" + path + " HTTP/1.1\r\n"), EndsWith("\r\n\r\n{\"whole\":1}")));
  EXPECT_THAT(header(requests.at(2), "Content-Type"), ElementsAre("application/json"));
  for (const std::string& request : requests) {
    EXPECT_THAT(header(request, "Authorization"), ElementsAre("Bearer t0ken"));
    EXPECT_THAT(header(request, "Accept"), ElementsAre("application/json"));
    EXPECT_THAT(header(request, "Accept-Encoding"), ElementsAre("gzip"));
  }
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(Kubernetes, WhatIsNoNameNeverGetsIntoAUrl) {
  ScriptedServer server(fine(1), certificate_.context());
  Endpoint endpoint(server_settings(server), credentials({}));
  KubernetesApi api(endpoint);
  const ApiAnswer bad_namespace = api.get_workflow("a/../b", "w", nullptr);
  EXPECT_EQ(bad_namespace.kind, Kind::rejected);
  EXPECT_EQ(bad_namespace.message, "namespace 'a/../b' is no name that Kubernetes gives");
  EXPECT_EQ(api.patch_workflow("ci", "w%2Fx", "{}", nullptr).kind, Kind::rejected);
  EXPECT_EQ(api.put_workflow("ci", "", "{}", nullptr).kind, Kind::rejected);
  EXPECT_THAT(server.requests(), IsEmpty());
}

TEST_F(Kubernetes, CompressionIsNotAskedForWhenDisabled) {
  ScriptedServer server(fine(1), certificate_.context());
  ServerSettings settings = server_settings(server);
  settings.compression = false;
  Endpoint endpoint(settings, credentials({}));
  get(endpoint);
  EXPECT_THAT(header(server.requests().at(0), "Accept-Encoding"), IsEmpty());
}

TEST_F(Kubernetes, CredentialsGoOverHttpsOnly) {
  ScriptedServer server(fine(1));
  ServerSettings settings;
  settings.url = server.url();
  Endpoint endpoint(settings, credentials({.token = "secret", .as = "boss"}));
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
  EXPECT_THAT(server.requests().at(0), AllOf(Not(HasSubstr("secret")), Not(HasSubstr("boss"))));
}

TEST_F(Kubernetes, ARedirectIsNotFollowed) {
  ScriptedServer other(fine(1), certificate_.context());
  ScriptedServer server({answer(307, "", "text/html", "Location: " + other.url("/x") + "\r\n")},
                        certificate_.context());
  Endpoint endpoint(server_settings(server), credentials({.token = "secret"}));
  EXPECT_EQ(get(endpoint).kind, Kind::rejected);
  EXPECT_THAT(other.requests(), IsEmpty());
}

TEST_F(Kubernetes, AServerThatDoesNotVerifyIsNeverSentAnything) {
  ScriptedServer server(fine(3), certificate_.context());
  const TestCertificate strange("IP:127.0.0.1,DNS:strange");
  ServerSettings settings = server_settings(server);
  settings.ca_data = strange.pem();
  Endpoint stranger(settings, credentials({.token = "secret"}));
  EXPECT_EQ(get(stranger).kind, Kind::certificate);
  // not even if the system would: a given authority is the only one
  setenv("SSL_CERT_FILE", write_file(folder_ / "system.pem", certificate_.pem()).c_str(), 1);
  Endpoint alone(settings, credentials({.token = "secret"}));
  EXPECT_EQ(get(alone).kind, Kind::certificate);
  unsetenv("SSL_CERT_FILE");
  settings.ca_data.clear();
  Endpoint systems(settings, credentials({.token = "secret"}));
  EXPECT_EQ(get(systems).kind, Kind::certificate);
  settings.ca_data = certificate_.pem();
  settings.tls_server_name = "kubernetes.default";
  Endpoint named(settings, credentials({.token = "secret"}));
  EXPECT_EQ(get(named).kind, Kind::certificate);
  EXPECT_THAT(server.requests(), IsEmpty());

  settings = server_settings(server);
  settings.ca_data.clear();
  settings.insecure_skip_tls_verify = true;
  Endpoint careless(settings, credentials({.token = "t"}));
  EXPECT_EQ(get(careless).kind, Kind::ok);
}

TEST_F(Kubernetes, TheNameToCheckMayBeGiven) {
  const TestCertificate named("DNS:kubernetes.default");
  ScriptedServer server(fine(1), named.context());
  ServerSettings settings = server_settings(server);
  settings.ca_data = named.pem();
  settings.tls_server_name = "kubernetes.default";
  Endpoint endpoint(settings, credentials({}));
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
}

TEST_F(Kubernetes, AnAuthorityInAFileIsReadAgainWhenItChanges) {
  ScriptedServer server(fine(2), certificate_.context());
  const TestCertificate former("IP:127.0.0.1");
  ServerSettings settings = server_settings(server);
  settings.ca_data.clear();
  settings.ca_file = write_file(folder_ / "ca.pem", former.pem());
  Endpoint endpoint(settings, credentials({}));
  EXPECT_EQ(get(endpoint).kind, Kind::certificate);
  replace_file(settings.ca_file, "secret, and no certificate");
  const ApiAnswer still = get(endpoint);
  EXPECT_EQ(still.kind, Kind::certificate);
  EXPECT_THAT(still.message, AllOf(HasSubstr("ca.pem holds no certificates"), Not(HasSubstr("secret"))));
  replace_file(settings.ca_file, certificate_.pem());
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
  replace_file(settings.ca_file, "no certificate");
  EXPECT_EQ(get(endpoint).kind, Kind::ok);  // what was good last
}

TEST_F(Kubernetes, AnEndpointWithoutUseIsAConfigError) {
  const auto why = [&](const ServerSettings& settings) -> std::string {
    try {
      Endpoint endpoint(settings, credentials({}));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  ServerSettings settings;
  settings.url = "https://x";
  EXPECT_EQ(why(settings), "");
  settings.ca_data = "secret";
  EXPECT_EQ(why(settings), "certificate-authority-data holds no certificates in PEM form");
  settings.ca_file = folder_ / "none";
  EXPECT_EQ(why(settings), (folder_ / "none") + " cannot be read: No such file or directory");
  settings.url = "https://me:secret@x";
  EXPECT_EQ(why(settings), "server holds a user name or password");
}

TEST_F(Kubernetes, WithoutAWholeAnswerItIsUnreachable) {
  std::string gone;
  {
    const ScriptedServer server({}, certificate_.context());
    gone = server.url();
  }
  ServerSettings settings;
  settings.url = gone;
  Endpoint nobody(settings, credentials({}));
  EXPECT_EQ(get(nobody).kind, Kind::unreachable);
  EXPECT_THAT(get(nobody).message, EndsWith("Connection refused"));

  ScriptedServer server({raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), hang_up()},
                        certificate_.context());
  Endpoint endpoint(server_settings(server), credentials({}));
  EXPECT_EQ(get(endpoint).kind, Kind::unreachable);
  // a PATCH that may have been carried out is not sent again
  EXPECT_EQ(KubernetesApi(endpoint).patch_workflow("ci", "w", "{}", nullptr).kind, Kind::unreachable);
  EXPECT_THAT(server.requests(), SizeIs(2));
}

TEST_F(Kubernetes, TimeAndSizeOfAnAnswerAreBounded) {
  ScriptedServer server({answer(200, std::string(1001, ' ')), black_hole()}, certificate_.context());
  Endpoint small(server_settings(server), credentials({}), {.answer_bytes = 1000});
  EXPECT_EQ(get(small).kind, Kind::too_large);
  Endpoint quick(server_settings(server), credentials({}), {.request = milliseconds(1500)});
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(get(quick).kind, Kind::unreachable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(8));
  EXPECT_EQ(EndpointLimits().connect, seconds(10));
  EXPECT_EQ(EndpointLimits().request, seconds(30));
  EXPECT_EQ(EndpointLimits().answer_bytes, 32u * 1024 * 1024);
}

TEST_F(Kubernetes, ARequestCanBeInterrupted) {
  ScriptedServer server({black_hole()}, certificate_.context());
  Endpoint endpoint(server_settings(server), credentials({}));
  http::Interrupt interrupt;
  std::thread other([&] {
    server.wait_for_requests(1);
    interrupt.raise();
  });
  EXPECT_EQ(KubernetesApi(endpoint).get_workflow("ci", "w", &interrupt).kind, Kind::interrupted);
  other.join();
}

TEST_F(Kubernetes, PlainHttpGoesThroughTheEnvironmentsProxy) {
  ScriptedServer proxy(fine(1));
  ScriptedServer server(fine(1));
  setenv("HTTP_PROXY", proxy.url().c_str(), 1);
  ServerSettings settings;
  settings.url = server.url();
  Endpoint endpoint(settings, credentials({}));
  get(endpoint);
  setenv("NO_PROXY", "127.0.0.1", 1);
  get(endpoint);
  unsetenv("HTTP_PROXY");
  unsetenv("NO_PROXY");
  EXPECT_THAT(proxy.requests(), ElementsAre(StartsWith("GET " + server.url("/apis/"))));
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(Kubernetes, ATokenFileIsReadAgainOnceAMinute) {
  ScriptedServer server(fine(5), certificate_.context());
  const std::string file = write_file(folder_ / "token", "\n one \n");
  Endpoint endpoint(server_settings(server), credentials({.token_file = file}));
  get(endpoint);
  replace_file(file, "two");
  world_.now += seconds(59);
  get(endpoint);
  world_.now += seconds(1);
  get(endpoint);
  std::filesystem::remove(file);
  world_.now += seconds(60);
  get(endpoint);
  replace_file(file, " \n");
  world_.now += seconds(60);
  get(endpoint);
  EXPECT_THAT(authorizations(server),
              ElementsAre("Bearer one", "Bearer one", "Bearer two", "Bearer two", "Bearer two"));
  EXPECT_THAT(world_.log(), ElementsAre(HasSubstr("token cannot be read: No such file")));  // said once
  replace_file(file, "three");
  world_.now += seconds(60);
  get(endpoint);
  EXPECT_EQ(authorizations(server).back(), "Bearer three");
  EXPECT_THAT(world_.log(), ElementsAre(HasSubstr("cannot be read"), EndsWith("holds a token again")));
}

TEST_F(Kubernetes, ATokenFileWinsOverATokenWhileItCanBeRead) {
  ScriptedServer server(fine(3), certificate_.context());
  const std::string file = folder_ / "token";
  Endpoint endpoint(server_settings(server), credentials({.token = "given", .token_file = file}));
  get(endpoint);
  write_file(file, "filed");
  world_.now += seconds(60);
  get(endpoint);
  std::filesystem::remove(file);
  world_.now += seconds(60);
  get(endpoint);
  EXPECT_THAT(authorizations(server), ElementsAre("Bearer given", "Bearer filed", "Bearer filed"));
}

TEST_F(Kubernetes, CredentialsThatAreNoUseAreSaidAtTheStart) {
  const std::string file = write_file(folder_ / "token", " \n");
  EXPECT_EQ(fault({.token_file = file}), file + " is empty");
  EXPECT_EQ(fault({.token_file = folder_ / "none"}),
            (folder_ / "none") + " cannot be read: No such file or directory");
  write_file(file, "a\r\nX-Evil: b");
  EXPECT_EQ(fault({.token_file = file}), file + " holds characters that are in no token");
  EXPECT_EQ(fault({.token = "secret\x01"}), "/config: user 'u': token holds characters that are in no token");
  EXPECT_EQ(fault({.username = "a:b"}), "/config: user 'u': username holds a colon");
  EXPECT_EQ(fault({.as = "a\r\nb"}), "/config: user 'u': Impersonate-User holds a control character");
  EXPECT_EQ(fault({.certificate_data = "secret", .key_data = "secret"}),
            "/config: user 'u': the client certificate is not in PEM form");
  EXPECT_EQ(fault({.certificate_file = folder_ / "none", .key_data = "secret"}),
            (folder_ / "none") + " cannot be read: No such file or directory");
}

TEST_F(Kubernetes, After401ATokenFileIsReadAtOnceAndAskedWithOnceMore) {
  const std::string file = write_file(folder_ / "token", "old");
  ScriptedServer server(
      {answer(200, "{}"), answer(401, ""), answer(200, "{\"new\":1}"), answer(401, ""), answer(401, "")},
      certificate_.context());
  Endpoint endpoint(server_settings(server), credentials({.token_file = file}));
  get(endpoint);
  replace_file(file, "new");
  EXPECT_EQ(get(endpoint).body, "{\"new\":1}");
  EXPECT_THAT(authorizations(server), ElementsAre("Bearer old", "Bearer old", "Bearer new"));
  EXPECT_EQ(get(endpoint).kind, Kind::unauthorized);
  EXPECT_THAT(server.requests(), SizeIs(5));
}

TEST_F(Kubernetes, After401WhatCannotChangeIsNotSentAgain) {
  ScriptedServer server({answer(401, ""), answer(401, ""), answer(200, "")}, certificate_.context());
  Endpoint with_token(server_settings(server), credentials({.token = "t"}));
  EXPECT_EQ(get(with_token).kind, Kind::unauthorized);
  Endpoint with_basic(server_settings(server), credentials({.username = "me", .password = "pass"}));
  EXPECT_EQ(get(with_basic).kind, Kind::unauthorized);
  EXPECT_THAT(authorizations(server), ElementsAre("Bearer t", "Basic " + encode_base64("me:pass")));
}

TEST_F(Kubernetes, ActsAsSomebodyElse) {
  ScriptedServer server(fine(1), certificate_.context());
  Endpoint endpoint(server_settings(server), credentials({.token = "t",
                                                          .as = "boss",
                                                          .as_uid = "7",
                                                          .as_groups = {"g1", "g2"},
                                                          .as_user_extra = {{"acme.io/why?", {"a", "b"}}}}));
  get(endpoint);
  const std::string request = server.requests().at(0);
  EXPECT_THAT(header(request, "Authorization"), ElementsAre("Bearer t"));
  EXPECT_THAT(header(request, "Impersonate-User"), ElementsAre("boss"));
  EXPECT_THAT(header(request, "Impersonate-Uid"), ElementsAre("7"));
  EXPECT_THAT(header(request, "Impersonate-Group"), ElementsAre("g1", "g2"));
  EXPECT_THAT(header(request, "Impersonate-Extra-acme.io%2Fwhy%3F"), ElementsAre("a", "b"));
}

// Keeps the common names of the client certificates that were shown, one a connection.
class ShownCertificates {
 public:
  explicit ShownCertificates(const TestCertificate& server) {
    names().clear();
    SSL_CTX_set_verify(server.context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       [](int good, X509_STORE_CTX* context) {
                         char name[200] = {};
                         X509_NAME_get_text_by_NID(X509_get_subject_name(X509_STORE_CTX_get_current_cert(context)),
                                                   NID_commonName, name, sizeof name);
                         const std::scoped_lock lock(mutex());
                         if (good) names().emplace_back(name);
                         return good;
                       });
  }
  static std::vector<std::string> all() {
    const std::scoped_lock lock(mutex());
    return names();
  }

 private:
  static std::vector<std::string>& names() {
    static std::vector<std::string> kept;
    return kept;
  }
  static std::mutex& mutex() {
    static std::mutex kept;
    return kept;
  }
};

TEST_F(Kubernetes, ClientCertificatesInFilesAreReadAgainWhenTheyChange) {
  const TestCertificate one("DNS:one");
  const TestCertificate two("DNS:two");
  certificate_.demand(one);
  certificate_.demand(two);
  const ShownCertificates shown(certificate_);
  ScriptedServer server(fine(4), certificate_.context());
  const std::string certificate = write_file(folder_ / "tls.crt", one.pem());
  const std::string key = write_file(folder_ / "tls.key", one.key_pem());
  Endpoint endpoint(server_settings(server),
                    credentials({.token = "t", .certificate_file = certificate, .key_file = key}));
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
  EXPECT_THAT(shown.all(), ElementsAre("lockkeeper test DNS:one"));

  replace_file(certificate, two.pem());
  EXPECT_EQ(get(endpoint).kind, Kind::ok);  // its key is not there yet: the former pair
  EXPECT_THAT(shown.all(), SizeIs(1));
  EXPECT_THAT(world_.log(), ElementsAre(HasSubstr("the client certificate from before is used on")));
  replace_file(key, two.key_pem());
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
  EXPECT_THAT(shown.all(), ElementsAre("lockkeeper test DNS:one", "lockkeeper test DNS:two"));
  EXPECT_THAT(authorizations(server), ElementsAre("Bearer t", "Bearer t", "Bearer t", "Bearer t"));
}

// A plugin that counts its runs in a file and prints what `answer` holds.
class KubernetesWithPlugin : public Kubernetes {
 protected:
  KubernetesWithPlugin() {
    exec_.api_version = "client.authentication.k8s.io/v1";
    exec_.command = write_script(folder_ / "plugin",
                                 "echo run >>" + (folder_ / "runs") + "\ncat " + (folder_ / "answer") + "\n");
  }
  void prints(const std::string& status) {
    replace_file(
        folder_ / "answer",
        R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":)" + status + "}");
  }
  std::size_t runs() const {
    std::ifstream in(folder_ / "runs");
    std::size_t lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    return lines;
  }
  static std::string pair(const TestCertificate& certificate) {
    const auto escaped = [](std::string text) {
      for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) text.replace(at, 1, "\\n");
      return text;
    };
    return R"("clientCertificateData":")" + escaped(certificate.pem()) + R"(","clientKeyData":")" +
           escaped(certificate.key_pem()) + "\"";
  }

  ExecSettings exec_;
};

TEST_F(KubernetesWithPlugin, ItsTokenIsKeptUntilItExpires) {
  ScriptedServer server(fine(4), certificate_.context());
  prints(R"({"token":"one","expirationTimestamp":"2026-11-21T01:00:00Z"})");
  const auto shared = credentials({.exec = exec_});
  EXPECT_EQ(runs(), 0u);  // nobody asked yet
  Endpoint endpoint(server_settings(server), shared);
  Endpoint another(server_settings(server), shared);
  get(endpoint);
  world_.wall_clock += std::chrono::minutes(60) - seconds(1);
  get(another);
  EXPECT_EQ(runs(), 1u);
  prints(R"({"token":"two","expirationTimestamp":"9999-12-31T00:00:00Z"})");
  world_.wall_clock += seconds(1);
  get(endpoint);
  world_.wall_clock += std::chrono::years(100);
  get(another);
  EXPECT_EQ(runs(), 2u);
  EXPECT_THAT(authorizations(server), ElementsAre("Bearer one", "Bearer one", "Bearer two", "Bearer two"));
}

TEST_F(KubernetesWithPlugin, WithoutAnExpiryItIsKeptUntilA401RunsItOnceMore) {
  ScriptedServer server(
      {answer(200, ""), answer(401, ""), answer(200, ""), answer(401, ""), answer(401, ""), answer(200, "")},
      certificate_.context());
  prints(R"({"token":"one"})");
  Endpoint endpoint(server_settings(server), credentials({.as = "boss", .exec = exec_}));
  get(endpoint);
  world_.wall_clock += std::chrono::years(10);
  prints(R"({"token":"two"})");
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
  EXPECT_EQ(runs(), 2u);
  EXPECT_EQ(get(endpoint).kind, Kind::unauthorized);
  EXPECT_EQ(runs(), 3u);
  EXPECT_THAT(authorizations(server),
              ElementsAre("Bearer one", "Bearer one", "Bearer two", "Bearer two", "Bearer two"));
  EXPECT_THAT(header(server.requests().at(0), "Impersonate-User"), ElementsAre("boss"));
}

TEST_F(KubernetesWithPlugin, TwoThatAreRefusedTheSameRunItOnce) {
  prints(R"({"token":"one"})");
  const auto shared = credentials({.exec = exec_});
  const Presented first = shared->present(nullptr);
  const Presented second = shared->present(nullptr);
  EXPECT_TRUE(shared->refused(first));
  shared->present(nullptr);
  EXPECT_TRUE(shared->refused(second));
  shared->present(nullptr);
  EXPECT_EQ(runs(), 2u);
}

TEST_F(KubernetesWithPlugin, ItsFailureIsAnAnswerAndNothingIsSent) {
  ScriptedServer server(fine(1), certificate_.context());
  Endpoint endpoint(server_settings(server), credentials({.exec = exec_}));
  const ApiAnswer none = get(endpoint);
  EXPECT_EQ(none.kind, Kind::unauthorized);
  EXPECT_EQ(none.status, 0u);
  EXPECT_THAT(none.message, HasSubstr("gave no credentials: it ended with status 1"));
  prints(R"({"token":"se cret"})");
  EXPECT_THAT(get(endpoint).message, AllOf(HasSubstr("in no token"), Not(HasSubstr("cret"))));
  prints(R"({"clientCertificateData":"secret","clientKeyData":"secret"})");
  EXPECT_THAT(get(endpoint).message, AllOf(HasSubstr("not in PEM form"), Not(HasSubstr("secret"))));
  EXPECT_THAT(server.requests(), IsEmpty());
  prints(R"({"token":"good"})");
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
}

TEST_F(KubernetesWithPlugin, ItsCertificateIsShownAndANewOneMeansANewConnection) {
  const TestCertificate one("DNS:one");
  const TestCertificate two("DNS:two");
  certificate_.demand(one);
  certificate_.demand(two);
  const ShownCertificates shown(certificate_);
  ScriptedServer server({answer(200, ""), answer(401, ""), answer(200, ""), answer(401, ""), answer(200, "")},
                        certificate_.context());
  Endpoint endpoint(server_settings(server), credentials({.exec = exec_}));
  prints("{" + pair(one) + "}");
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
  prints("{" + pair(two) + ",\"token\":\"t\"}");
  EXPECT_EQ(get(endpoint).kind, Kind::ok);
  EXPECT_THAT(shown.all(), ElementsAre("lockkeeper test DNS:one", "lockkeeper test DNS:two"));
  EXPECT_EQ(get(endpoint).kind, Kind::ok);  // the same pair once more: the connection is kept
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_THAT(authorizations(server), ElementsAre("", "", "Bearer t", "Bearer t", "Bearer t"));
}

TEST_F(KubernetesWithPlugin, AnInterruptEndsItToo) {
  write_script(folder_ / "plugin", "exec sleep 600\n");
  ScriptedServer server(fine(1), certificate_.context());
  Endpoint endpoint(server_settings(server), credentials({.exec = exec_}));
  http::Interrupt interrupt;
  interrupt.raise();
  EXPECT_EQ(KubernetesApi(endpoint).get_workflow("ci", "w", &interrupt).kind, Kind::interrupted);
}

}  // namespace
}  // namespace lockkeeper::agent
