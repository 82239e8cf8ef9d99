// One request's life in libcurl: the options, what the callbacks gather, and what its end means. curl.h is
// included here, so only http/*.cpp include this.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

#include "http/certificates.h"
#include "http/client.h"
#include "http/url.h"

namespace lockkeeper::http {

class Transfer {
 public:
  // Sets `easy` up. All arguments outlive the transfer.
  Transfer(CURL* easy, const ClientSettings& settings, const Certificates& certificates,
           const ClientRequest& request, const Url& url);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // The answer, or the HttpError that `result` stands for.
  ClientResponse finish(CURLcode result);
  HttpError failure(HttpError::Kind kind, const std::string& what) const;

 private:
  void set_request();
  void set_proxy();
  void set_trust();
  void set_client_certificate();
  void header(std::string_view line);
  HttpError failure(CURLcode result) const;
  bool may_have_been_sent() const;

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static int on_start(void* self, char*, char*, int, int);
  static CURLcode on_tls(CURL*, void* context, void* self);

  CURL* easy_;
  const ClientSettings& settings_;
  const Certificates& certificates_;
  const ClientRequest& request_;
  const Url& url_;
  ClientResponse response_;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  unsigned starts_ = 0;
  bool head_ended_ = false;
  bool too_large_ = false;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace lockkeeper::http
