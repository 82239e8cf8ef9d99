#include "http/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "http/client.h"

namespace lockkeeper::http {

Certificates::Certificates(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                         &BIO_free);
  if (!source) throw std::bad_alloc();
  ERR_clear_error();
  while (X509* certificate = PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr)) {
    certificates_.emplace_back(certificate, &X509_free);
  }
  // The end of the text shows as "no start line"; any other error is a certificate that is cut or garbled.
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates_.empty() || !ended) {
    throw HttpError(HttpError::Kind::certificate, certificates_.empty()
                                                      ? "ca_cert holds no certificate in PEM form"
                                                      : "ca_cert holds a certificate that does not parse, after " +
                                                            std::to_string(certificates_.size()) + " that do");
  }
}

void require_client_pair(const std::string& certificate, const std::string& key) {
  const auto refuse = [](const char* why) { throw HttpError(HttpError::Kind::certificate, why); };
  const auto source = [](const std::string& pem) {
    std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                  &BIO_free);
    if (!bio) throw std::bad_alloc();
    return bio;
  };
  // Without it OpenSSL would ask the terminal for a key's password.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const std::unique_ptr<X509, decltype(&X509_free)> first(
      PEM_read_bio_X509(source(certificate).get(), nullptr, no_password, nullptr), &X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> own(
      PEM_read_bio_PrivateKey(source(key).get(), nullptr, no_password, nullptr), &EVP_PKEY_free);
  const bool matches = first && own && X509_check_private_key(first.get(), own.get()) == 1;
  ERR_clear_error();
  if (!first) refuse("the client certificate is not in PEM form");
  if (!own) refuse("the client certificate's key is not in PEM form, or has a password");
  if (!matches) refuse("the client certificate's key is another certificate's");
}

bool Certificates::trust(ssl_ctx_st* context) const noexcept {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const auto& certificate : certificates_) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return false;  // a duplicate is fine
  }
  return true;
}

}  // namespace lockkeeper::http
