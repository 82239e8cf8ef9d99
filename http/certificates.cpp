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

bool Certificates::trust(ssl_ctx_st* context) const noexcept {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const auto& certificate : certificates_) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return false;  // a duplicate is fine
  }
  return true;
}

}  // namespace lockkeeper::http
