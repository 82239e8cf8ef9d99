#include "agent/endpoint.h"

#include <cstdlib>

#include "agent/config_error.h"
#include "agent/shown_text.h"
#include "agent/small_file.h"

namespace lockkeeper::agent {

namespace {

using http::HttpError;
using Kind = ApiAnswer::Kind;

ApiAnswer without_answer(const HttpError& error) {
  ApiAnswer answer;
  answer.message = error.what();
  switch (error.kind) {
    case HttpError::Kind::certificate:
      answer.kind = Kind::certificate;
      break;
    case HttpError::Kind::interrupted:
      answer.kind = Kind::interrupted;
      break;
    case HttpError::Kind::too_large:
      answer.kind = Kind::too_large;
      break;
    case HttpError::Kind::bad_url:
      answer.kind = Kind::rejected;
      break;
    default:
      answer.kind = Kind::unreachable;
  }
  return answer;
}

// libcurl takes it in lower case only, since of a CGI program's environment it could come from a stranger.
std::string plain_http_proxy() {
  const char* upper = std::getenv("HTTP_PROXY");
  return upper && !std::getenv("http_proxy") && !std::getenv("REQUEST_METHOD") ? upper : "";
}

}  // namespace

class Endpoint::Impl {
 public:
  Impl(ServerSettings server, std::shared_ptr<Credentials> credentials, EndpointLimits limits)
      : server_(std::move(server)), credentials_(std::move(credentials)), limits_(limits) {
    while (server_.url.ends_with('/')) server_.url.pop_back();
    if (const std::string fault = fault_of(server_); !fault.empty()) throw ConfigError(fault);
    authority_stamp_ = authority_stamp();
    authority_ = server_.ca_file.empty() ? server_.ca_data : read_small_file(server_.ca_file);
    connect({});
  }

  ApiAnswer send(const EndpointRequest& request, const http::Interrupt* interrupt) {
    try {
      Presented presented = present(interrupt);
      http::ClientResponse response = send_with(presented, request, interrupt);
      if (response.status == 401 && server_.https() && credentials_->refused(presented)) {
        presented = present(interrupt);
        response = send_with(presented, request, interrupt);
      }
      return read_answer(std::move(response),
                         std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
    } catch (const HttpError& error) {
      ApiAnswer answer = without_answer(error);
      if (answer.kind == Kind::certificate && !authority_fault_.empty())
        answer.message += " (" + authority_fault_ + ")";
      return answer;
    } catch (const NoCredentials& error) {
      ApiAnswer answer;
      answer.kind = Kind::unauthorized;
      answer.message = error.what();
      return answer;
    }
  }

 private:
  Presented present(const http::Interrupt* interrupt) {
    // Over plain http anybody could read them.
    return server_.https() ? credentials_->present(interrupt) : Presented();
  }

  http::ClientResponse send_with(const Presented& presented, const EndpointRequest& request,
                                 const http::Interrupt* interrupt) {
    if (authority_changed() || presented.certificate_number != certificate_number_) connect(presented);
    http::ClientRequest sent;
    sent.method = request.method;
    sent.url = server_.url + request.path;
    sent.body = request.body;
    sent.headers = presented.headers;
    sent.headers.emplace_back("Accept", "application/json");
    if (!request.content_type.empty()) sent.headers.emplace_back("Content-Type", request.content_type);
    sent.timeout = limits_.request;
    return client_->send(sent, interrupt);
  }

  FileStamp authority_stamp() const {
    return server_.ca_file.empty() ? FileStamp() : FileStamp::of(server_.ca_file);
  }

  // Has it been replaced by another that can be read? If it cannot, the former stays.
  bool authority_changed() {
    const FileStamp stamp = authority_stamp();
    if (stamp == authority_stamp_) return false;
    authority_stamp_ = stamp;
    try {
      std::string fresh = read_small_file(server_.ca_file);
      http::ClientSettings trial;
      trial.ca_cert = fresh;
      const http::Client parsed(trial);
      authority_fault_.clear();
      authority_ = std::move(fresh);
      return true;
    } catch (const ConfigError& error) {
      authority_fault_ = error.what();
    } catch (const HttpError&) {
      authority_fault_ = server_.ca_file + " holds no certificates in PEM form any more";
    }
    return false;
  }

  // New connections: made with this certificate, checked against the authority as it is now.
  void connect(const Presented& presented) {
    http::ClientSettings settings;
    settings.user_agent = "lockagt";
    settings.ca_cert = authority_;
    settings.ca_cert_only = true;
    settings.skip_ssl_validation = server_.insecure_skip_tls_verify;
    settings.tls_server_name = server_.tls_server_name;
    settings.client_certificate = presented.certificate;
    settings.client_key = presented.key;
    settings.proxy = server_.proxy_url;
    if (settings.proxy.empty() && !server_.https()) {
      settings.proxy = plain_http_proxy();
      settings.heed_no_proxy = true;
    }
    settings.compression = server_.compression;
    settings.answer_bytes = limits_.answer_bytes;
    settings.connect_timeout = limits_.connect;
    try {
      client_.emplace(std::move(settings));
    } catch (const HttpError&) {
      throw ConfigError((server_.ca_file.empty() ? "certificate-authority-data" : server_.ca_file) +
                        " holds no certificates in PEM form");
    }
    certificate_number_ = presented.certificate_number;
  }

  ServerSettings server_;
  std::shared_ptr<Credentials> credentials_;
  EndpointLimits limits_;
  std::string authority_;
  FileStamp authority_stamp_;
  std::string authority_fault_;
  std::optional<http::Client> client_;
  std::uint64_t certificate_number_ = 0;
};

Endpoint::Endpoint(ServerSettings server, std::shared_ptr<Credentials> credentials, EndpointLimits limits)
    : impl_(std::make_unique<Impl>(std::move(server), std::move(credentials), limits)) {}
Endpoint::~Endpoint() = default;

ApiAnswer Endpoint::send(const EndpointRequest& request, const http::Interrupt* interrupt) {
  return impl_->send(request, interrupt);
}

}  // namespace lockkeeper::agent
