#include "resource/remote_server.h"

namespace lockkeeper::resource {
namespace {

using Released = std::variant<wire::ReleasedView, wire::DeniedView>;

client::Settings settings(const Source& source) {
  client::Settings settings;
  settings.uri = source.locker_uri;
  settings.http.username = source.username;
  settings.http.password = source.password;
  settings.http.ca_cert = source.ca_cert;
  settings.http.skip_ssl_validation = source.skip_ssl_validation;
  settings.http.user_agent = "lockkeeper-resource";
  settings.request_timeout = source.request_timeout;
  return settings;
}

class RemoteServer : public LockServer {
 public:
  RemoteServer(const Source& source, const http::Interrupt& interrupt) : client_(settings(source)) {
    client_.set_interrupt(&interrupt);
  }
  void set_request_timeout(std::chrono::milliseconds timeout) override { client_.set_request_timeout(timeout); }
  void ignore_interrupt() override { client_.set_interrupt(nullptr); }
  client::ServerKind kind() override { return client_.kind(); }
  wire::LockView lock(const std::string& name) override { return client_.lock(name); }
  std::variant<wire::GrantedView, wire::DeniedView> acquire(const std::string& name,
                                                            const client::Identity& identity,
                                                            const client::Intention& intention,
                                                            const client::AcquireOptions& options) override {
    return client_.acquire(name, identity, intention, options);
  }
  Released release(const std::string& name, const client::Identity& identity, bool all) override {
    return client_.release(name, identity, all);
  }
  Released release_claim(const std::string& name, const client::Identity& identity,
                         const std::string& claim) override {
    return client_.release_claim(name, identity, claim);
  }
  Released withdraw(const std::string& name, const client::Identity& identity,
                    const client::Intention& intention) override {
    return client_.withdraw(name, identity, intention);
  }
  wire::HistoryView history(const std::string& name, locks::Version after, std::size_t limit,
                            bool newest) override {
    return client_.history(name, after, limit, newest);
  }

 private:
  client::LockClient client_;
};

}  // namespace

std::unique_ptr<LockServer> remote_server(const Source& source, const http::Interrupt& interrupt) {
  return std::make_unique<RemoteServer>(source, interrupt);
}

}  // namespace lockkeeper::resource
