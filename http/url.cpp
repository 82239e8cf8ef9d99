#include "http/url.h"

#include <curl/curl.h>

#include "http/client.h"

namespace lockkeeper::http {

namespace {

// "" when the part is not there.
std::string part(CURLU* url, CURLUPart which, unsigned flags) {
  char* text = nullptr;
  const CURLUcode code = curl_url_get(url, which, &text, flags);
  std::string copy = code == CURLUE_OK && text ? text : "";
  curl_free(text);
  if (code == CURLUE_URLDECODE) {  // of userinfo only: the path is never decoded here
    throw HttpError(HttpError::Kind::bad_url, "the URL's user or password holds a control character");
  }
  return copy;
}

[[noreturn]] void refuse(const std::string& why) {
  throw HttpError(HttpError::Kind::bad_url, why);
}

}  // namespace

Url::Url(const std::string& text) : handle_(curl_url()) {
  if (!handle_) throw std::bad_alloc();
  try {
    auto* url = static_cast<CURLU*>(handle_);
    const CURLUcode code = curl_url_set(url, CURLUPART_URL, text.c_str(), CURLU_PATH_AS_IS);
    // The text itself is not shown: what does not parse may hold a password anywhere.
    if (code == CURLUE_BAD_SCHEME) refuse("the URL does not begin with http:// or https://");
    if (code != CURLUE_OK) refuse(std::string("the URL does not parse: ") + curl_url_strerror(code));
    const std::string scheme = part(url, CURLUPART_SCHEME, 0);
    https_ = scheme == "https";
    if (!https_ && scheme != "http") refuse("the URL's scheme is '" + scheme + "': only http and https are known");
    user_ = part(url, CURLUPART_USER, CURLU_URLDECODE);
    password_ = part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    curl_url_set(url, CURLUPART_USER, nullptr, 0);
    curl_url_set(url, CURLUPART_PASSWORD, nullptr, 0);
    curl_url_set(url, CURLUPART_OPTIONS, nullptr, 0);
  } catch (...) {
    curl_url_cleanup(static_cast<CURLU*>(handle_));
    throw;
  }
}

Url::~Url() {
  curl_url_cleanup(static_cast<CURLU*>(handle_));
}

bool Url::has_query_or_fragment() const {
  auto* url = static_cast<CURLU*>(handle_);
  return !part(url, CURLUPART_QUERY, 0).empty() || !part(url, CURLUPART_FRAGMENT, 0).empty();
}

std::string Url::text() const {
  return part(static_cast<CURLU*>(handle_), CURLUPART_URL, 0);
}

std::string Url::origin() const {
  if (!origin_.empty()) return origin_;
  auto* url = static_cast<CURLU*>(handle_);
  std::string text = part(url, CURLUPART_SCHEME, 0) + "://" + part(url, CURLUPART_HOST, 0);
  const std::string port = part(url, CURLUPART_PORT, 0);
  return port.empty() ? text : text + ":" + port;
}

void Url::show_as(const std::string& name) {
  auto* url = static_cast<CURLU*>(handle_);
  const std::string host = part(url, CURLUPART_HOST, 0);
  const std::string port = part(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
  origin_ = origin();
  place_ = host + ":" + part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  named_ = port.empty() ? host : host + ":" + port;
  if (curl_url_set(url, CURLUPART_HOST, name.c_str(), 0) != CURLUE_OK) {
    refuse("the name that the server's certificate is checked for is no host's name");
  }
}

std::string without_userinfo(const std::string& url) {
  try {
    std::string text = Url(url).text();
    if (text.ends_with('/') && !url.ends_with('/')) text.pop_back();  // libcurl gives a URL without a path one
    return text;
  } catch (const HttpError&) {
    return "(a URL that does not parse)";
  }
}

void require_base_url(const std::string& url) {
  if (Url(url).has_query_or_fragment())
    refuse("the server's URL has a query or a fragment: a lock's path is put after it");
}

std::string encode_segment(const std::string& text) {
  static const char digits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                            (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
                            byte == '~';
    if (unreserved) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += digits[byte >> 4];
      encoded += digits[byte & 15];
    }
  }
  return encoded;
}

}  // namespace lockkeeper::http
