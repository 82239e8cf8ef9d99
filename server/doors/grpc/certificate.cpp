#include "server/doors/grpc/certificate.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace lockkeeper::server {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file || text.empty()) throw std::runtime_error("cannot read " + path);
  return text;
}

// gRPC's C++ has no credentials whose certificate changes when the server says so; its C has.
class FetchedCredentials final : public grpc::ServerCredentials {
 public:
  explicit FetchedCredentials(const Certificate& certificate) : certificate_(certificate) {}
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    auto* options = grpc_ssl_server_credentials_create_options_using_config_fetcher(
        GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, fetch, this);
    auto* credentials = grpc_ssl_server_credentials_create_with_options(options);
    const int port = grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    return port;
  }

  static grpc_ssl_certificate_config_reload_status fetch(void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<FetchedCredentials*>(self)->fetch(config);
  }

  grpc_ssl_certificate_config_reload_status fetch(grpc_ssl_server_certificate_config** config) {
    const std::lock_guard guard(mutex_);
    const Certificate::Pair pair = certificate_.newer_than(edition_);
    if (pair.edition == 0) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pem{pair.key.c_str(), pair.chain.c_str()};
    // It insists on roots for clients' certificates, though it is to ask for none: any will do.
    *config = grpc_ssl_server_certificate_config_create(pair.chain.c_str(), &pem, 1);
    if (*config == nullptr) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
    edition_ = pair.edition;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const Certificate& certificate_;
  std::mutex mutex_;
  std::uint64_t edition_ = 0;  // guarded by mutex_
};

}  // namespace

Certificate::Certificate(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {
  read_again();
}

void Certificate::read_again() {
  Pair pair{0, content(certificate_file_), content(key_file_)};
  const std::lock_guard guard(mutex_);
  pair.edition = pair_.edition + 1;
  pair_ = std::move(pair);
}

Certificate::Pair Certificate::newer_than(std::uint64_t edition) const {
  const std::lock_guard guard(mutex_);
  return pair_.edition > edition ? pair_ : Pair{};
}

std::shared_ptr<grpc::ServerCredentials> Certificate::credentials() {
  return std::make_shared<FetchedCredentials>(*this);
}

}  // namespace lockkeeper::server
