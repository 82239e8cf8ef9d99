#include "http/client.h"

#include <curl/curl.h>

#include <algorithm>

#include "http/certificates.h"
#include "http/transfer.h"
#include "http/url.h"

namespace lockkeeper::http {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A request is in the multi handle for as long as this lives.
class Driven {
 public:
  Driven(CURLM* multi, CURL* easy) : multi_(multi), easy_(easy) {
    if (curl_multi_add_handle(multi, easy) != CURLM_OK) throw std::bad_alloc();
  }
  ~Driven() { curl_multi_remove_handle(multi_, easy_); }
  Driven(const Driven&) = delete;
  Driven& operator=(const Driven&) = delete;

 private:
  CURLM* multi_;
  CURL* easy_;
};

std::string seconds_text(milliseconds duration) {
  const auto count = duration.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + "s" : std::to_string(count) + "ms";
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(ClientSettings settings) : settings_(std::move(settings)) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready != CURLE_OK) throw HttpError(HttpError::Kind::broken, curl_easy_strerror(ready));
    if (!settings_.ca_cert.empty()) certificates_ = Certificates(settings_.ca_cert);
    if (!settings_.client_certificate.empty() || !settings_.client_key.empty()) {
      require_client_pair(settings_.client_certificate, settings_.client_key);
    }
    multi_ = curl_multi_init();
    easy_ = curl_easy_init();
    if (!multi_ || !easy_) {
      close();
      throw std::bad_alloc();
    }
  }
  ~Impl() { close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ClientResponse send(const ClientRequest& request, const Interrupt* interrupt) {
    const auto deadline = steady_clock::now() + request.timeout;
    Url url(request.url);
    if (url.https() && !settings_.tls_server_name.empty()) url.show_as(settings_.tls_server_name);
    Transfer transfer(easy_, settings_, certificates_, request, url);
    CURLcode result = CURLE_OK;
    {
      // The multi interface, since an easy transfer cannot be woken by another descriptor.
      const Driven driven(multi_, easy_);
      for (;;) {
        if (interrupt && interrupt->raised()) throw transfer.failure(HttpError::Kind::interrupted, "interrupted");
        int running = 0;
        const CURLMcode code = curl_multi_perform(multi_, &running);
        if (code != CURLM_OK) throw transfer.failure(HttpError::Kind::broken, curl_multi_strerror(code));
        if (running == 0) break;
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
        if (left <= 0) {
          throw transfer.failure(HttpError::Kind::timeout,
                                 "no whole answer within " + seconds_text(request.timeout));
        }
        curl_waitfd extra{interrupt ? interrupt->descriptor() : -1, CURL_WAIT_POLLIN, 0};
        curl_multi_poll(multi_, &extra, interrupt ? 1 : 0, static_cast<int>(std::min<long>(left, 60'000)), nullptr);
      }
      int more = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_, &more)) {
        if (message->msg == CURLMSG_DONE) result = message->data.result;
      }
    }
    return transfer.finish(result);
  }

 private:
  void close() {
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_);
  }

  ClientSettings settings_;
  Certificates certificates_;
  CURLM* multi_ = nullptr;
  CURL* easy_ = nullptr;
};

Client::Client(ClientSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Client::~Client() = default;

ClientResponse Client::send(const ClientRequest& request, const Interrupt* interrupt) {
  return impl_->send(request, interrupt);
}

}  // namespace lockkeeper::http
