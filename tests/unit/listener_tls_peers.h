// What a Listener behind TLS meets: a certificate, and an OpenSSL client.
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "http/listener.h"
#include "tests/unit/listener_peers.h"

namespace lockkeeper::http {

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
  ListenerSettings secured() const {
    ListenerSettings listening = on_loopback();
    listening.tls = std::make_unique<TlsSettings>(settings());
    return listening;
  }

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
  void send(const std::string& text) const {
    SSL_write(session_.get(), text.data(), static_cast<int>(text.size()));
  }
  std::string ask(const std::string& request) const {
    send(request);
    return receive_all();
  }
  std::string receive_all() const {
    std::string answer;
    char buffer[4096];
    for (int size; (size = SSL_read(session_.get(), buffer, sizeof buffer)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(size));
    }
    return answer;
  }
  std::string receive_undeciphered() { return raw_.receive_all(); }
  void finish_sending() const { raw_.finish_sending(); }
  void say_goodbye() const { SSL_shutdown(session_.get()); }
  bool ended_properly() const { return (SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

 private:
  RawClient raw_;
  Context context_;
  Session session_;
  bool connected_ = false;
};

}  // namespace lockkeeper::http
