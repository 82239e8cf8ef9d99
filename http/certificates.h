// Certificates to trust. OpenSSL stays inside.
#pragma once

#include <memory>
#include <string>
#include <vector>

struct x509_st;     // OpenSSL's X509
struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace lockkeeper::http {

class Certificates {
 public:
  Certificates() = default;
  // PEM text with one certificate or more. Throws HttpError{certificate}; the text is not shown.
  explicit Certificates(const std::string& pem);

  bool empty() const { return certificates_.empty(); }
  bool trust(ssl_ctx_st* context) const noexcept;  // false: out of memory

 private:
  std::vector<std::shared_ptr<x509_st>> certificates_;
};

}  // namespace lockkeeper::http
