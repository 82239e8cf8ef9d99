// A self-signed certificate made on the spot, for one host name or address, and a server's context that shows it.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace lockkeeper::testing {

class TestCertificate {
 public:
  // `names` in OpenSSL's words: "IP:127.0.0.1" or "DNS:lock.test".
  explicit TestCertificate(const std::string& names)
      : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free),
        certificate_(X509_new(), &X509_free),
        context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    X509* certificate = certificate_.get();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key_.get());
    X509_NAME* name = X509_get_subject_name(certificate);
    const std::string common = "lockkeeper test " + names;
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common.c_str()),
                               -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    if (!extension || X509_add_ext(certificate, extension, -1) != 1 ||
        X509_sign(certificate, key_.get(), EVP_sha256()) == 0 ||
        SSL_CTX_use_certificate(context_.get(), certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context_.get(), key_.get()) != 1) {
      throw std::runtime_error("no test certificate");
    }
    X509_EXTENSION_free(extension);
  }

  SSL_CTX* context() const { return context_.get(); }

  std::string pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_X509(out.get(), certificate_.get());
    return text(out.get());
  }
  // With a password: encrypted.
  std::string key_pem(const char* password = nullptr) const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), password ? EVP_aes_128_cbc() : nullptr, password,
                                  password ? static_cast<int>(std::strlen(password)) : 0, nullptr, nullptr);
    return text(out.get());
  }

  // From here on this server lets in only who shows one of these certificates.
  void demand(const TestCertificate& client) const {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), client.certificate_.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    const unsigned char id[] = "test";
    SSL_CTX_set_session_id_context(context_.get(), id, sizeof id);
  }

 private:
  static std::string text(BIO* out) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    return std::string(bytes, static_cast<std::size_t>(size));
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

}  // namespace lockkeeper::testing
