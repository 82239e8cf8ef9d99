// The listener behind TLS, seen by an OpenSSL client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "http/listener.h"
#include "tests/unit/listener_peers.h"

namespace lockkeeper::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Destroy<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Destroy<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Destroy<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Destroy<SSL_free>>;

// Self-signed files in a directory of their own.
class Identity {
 public:
  Identity() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lockkeeper-tls-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~Identity() { std::filesystem::remove_all(directory_); }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  void issue(const std::string& name) const {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate(X509_new());
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* const subject = X509_get_subject_name(certificate.get());
    std::string text = name;
    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC,
                               static_cast<unsigned char*>(static_cast<void*>(text.data())), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), subject);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    FILE* file = std::fopen(settings().certificate_file.c_str(), "w");
    PEM_write_X509(file, certificate.get());
    std::fclose(file);
    file = std::fopen(settings().key_file.c_str(), "w");
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }
  void spoil() const { std::fclose(std::fopen(settings().certificate_file.c_str(), "w")); }
  TlsSettings settings() const { return {directory_ + "/cert.pem", directory_ + "/key.pem"}; }

 private:
  std::string directory_;
};

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int highest = TLS1_3_VERSION)
      : raw_(port), context_(SSL_CTX_new(TLS_client_method())), session_(SSL_new(context_.get())) {
    SSL_set_security_level(session_.get(), 0);  // or it would not even ask for TLS 1.1
    SSL_set_min_proto_version(session_.get(), TLS1_VERSION);
    SSL_set_max_proto_version(session_.get(), highest);
    SSL_set_fd(session_.get(), raw_.native());
    connected_ = SSL_connect(session_.get()) == 1;
  }
  bool connected() const { return connected_; }
  std::string peer() const {
    const Certificate certificate(SSL_get1_peer_certificate(session_.get()));
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
    return name;
  }
  std::string ask(const std::string& request) const {
    SSL_write(session_.get(), request.data(), static_cast<int>(request.size()));
    std::string answer;
    char buffer[4096];
    for (int size; (size = SSL_read(session_.get(), buffer, sizeof buffer)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(size));
    }
    return answer;
  }
  bool ended_properly() const { return (SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

 private:
  RawClient raw_;
  Context context_;
  Session session_;
  bool connected_ = false;
};

class ListenerTls : public testing::Test {
 protected:
  ListenerTls() { identity_.issue("first"); }
  ListenerSettings secured() const {
    ListenerSettings settings = on_loopback();
    settings.tls = std::make_unique<TlsSettings>(identity_.settings());
    return settings;
  }
  const Identity identity_;
};

TEST_F(ListenerTls, answers_and_takes_its_leave_properly) {
  Running server(secured());
  const TlsClient client(server.port());
  ASSERT_TRUE(client.connected());
  const std::string body(60'000, 'b');
  EXPECT_THAT(client.ask("PUT /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n" + body),
              EndsWith("PUT /a " + body));
  EXPECT_TRUE(client.ended_properly());
}

TEST_F(ListenerTls, refuses_what_is_too_large_so_that_the_client_reads_why) {
  Running server(secured());
  const TlsClient client(server.port());
  EXPECT_THAT(
      client.ask("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'b')),
      StartsWith("HTTP/1.1 413 "));
}

TEST_F(ListenerTls, speaks_nothing_older_than_1_2) {
  Running server(secured());
  EXPECT_TRUE(TlsClient(server.port(), TLS1_2_VERSION).connected());
  EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).connected());
  EXPECT_THAT(server.service.faulted(1), testing::ElementsAre(0U));
}

TEST_F(ListenerTls, tells_a_plain_client_what_it_did_wrong) {
  Running server(secured());
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = client.receive_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(answer, HasSubstr("HTTPS"));
}

TEST_F(ListenerTls, gives_up_on_a_handshake_that_does_not_come) {
  ListenerSettings settings = secured();
  settings.handshake_timeout = std::chrono::milliseconds(1);
  Running server(std::move(settings));
  RawClient client(server.port());
  EXPECT_EQ(client.receive_all(), "");
}

TEST_F(ListenerTls, shows_a_new_certificate_after_a_reload_and_keeps_the_old_one_otherwise) {
  Running server(secured());
  EXPECT_EQ(TlsClient(server.port()).peer(), "first");
  identity_.issue("second");
  EXPECT_EQ(TlsClient(server.port()).peer(), "first");
  server.listener.reload_tls();
  EXPECT_EQ(TlsClient(server.port()).peer(), "second");
  identity_.spoil();
  EXPECT_THROW(server.listener.reload_tls(), ListenError);
  EXPECT_EQ(TlsClient(server.port()).peer(), "second");
}

TEST_F(ListenerTls, does_not_start_without_a_certificate_that_loads) {
  identity_.spoil();
  ScriptedService service([](Exchange&, Listener&) {});
  EXPECT_THROW(Listener(secured(), service), ListenError);
}

}  // namespace
}  // namespace lockkeeper::http
