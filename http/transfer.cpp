#include "http/transfer.h"

#include <strings.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace lockkeeper::http {

namespace {

// A connection that was idle for longer is not trusted to be alive still: a NAT or balancer may have dropped it
// without a word, and a request sent into it would only time out.
constexpr long max_idle_seconds = 15;

HttpError::Kind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
      return HttpError::Kind::bad_url;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return HttpError::Kind::resolve;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
    case CURLE_PROXY:
      return HttpError::Kind::connect;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return HttpError::Kind::certificate;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_USE_SSL_FAILED:
      return HttpError::Kind::tls;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpError::Kind::timeout;
    default:  // also CURLE_UNSUPPORTED_PROTOCOL: an answer that is not HTTP/1, since the scheme was checked before
      return HttpError::Kind::broken;
  }
}

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code != CURLE_OK) throw HttpError(HttpError::Kind::broken, curl_easy_strerror(code));
}

// The bytes outlive the transfer.
void set_blob(CURL* easy, CURLoption option, const std::string& bytes) {
  curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_NOCOPY};
  set(easy, option, &blob);
}

void append(curl_slist*& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list, line.c_str());
  if (!longer) throw std::bad_alloc();
  list = longer;
}

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

}  // namespace

Transfer::Transfer(CURL* easy, const ClientSettings& settings, const Certificates& certificates,
                   const ClientRequest& request, const Url& url)
    : easy_(easy), settings_(settings), certificates_(certificates), request_(request), url_(url) {
  curl_easy_reset(easy);  // keeps connections and the DNS cache, which are the multi handle's
  try {
    set_request();
    set_proxy();
    if (url.https()) {
      set_trust();
      set_client_certificate();
    }
  } catch (...) {
    curl_slist_free_all(headers_);
    curl_slist_free_all(connect_to_);
    throw;
  }
}

Transfer::~Transfer() {
  // The error buffer and the lists end with this object.
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, nullptr);
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, nullptr);
  curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, nullptr);
  curl_slist_free_all(headers_);
  curl_slist_free_all(connect_to_);
}

void Transfer::set_request() {
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings_.connect_timeout.count()));
  // libcurl joins the resolver's thread when a request ends early, and getaddrinfo() cannot be interrupted: with
  // dead name servers that is half a minute. This lets go of the thread instead; it frees what is its own when it
  // comes back, or ends with the process.
  set(easy_, CURLOPT_QUICK_EXIT, 1L);
  set(easy_, CURLOPT_ERRORBUFFER, error_);
  set(easy_, CURLOPT_CURLU, static_cast<CURLU*>(url_.handle()));
  set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy_, CURLOPT_MAXAGE_CONN, max_idle_seconds);
  set(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy_, CURLOPT_USERAGENT, settings_.user_agent.c_str());

  const bool own = !settings_.username.empty();
  const std::string& user = own ? settings_.username : url_.user();
  const std::string& password = own ? settings_.password : url_.password();
  if (!user.empty() || !password.empty()) {
    if (settings_.aws_signature.empty()) {
      set(easy_, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    } else {
      set(easy_, CURLOPT_AWS_SIGV4, settings_.aws_signature.c_str());
    }
    set(easy_, CURLOPT_USERNAME, user.c_str());
    set(easy_, CURLOPT_PASSWORD, password.c_str());
  }

  if (request_.method == "HEAD") {
    set(easy_, CURLOPT_NOBODY, 1L);
  } else if (!request_.body.empty() || request_.method == "POST" || request_.method == "PUT") {
    set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(easy_, CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  set(easy_, CURLOPT_CUSTOMREQUEST, request_.method == "HEAD" ? nullptr : request_.method.c_str());

  if (settings_.compression) set(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");

  bool typed = false;
  const auto add = [this](const std::string& line) { append(headers_, line); };
  for (const auto& [name, value] : request_.headers) {
    typed = typed || strcasecmp(name.c_str(), "Content-Type") == 0;
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!typed && !request_.body.empty()) add("Content-Type: application/json");
  // No second round trip for a large body. Not where it is signed: libcurl signs this line too, and does not send
  // it; by itself it waits with bodies of more than 1 MiB only.
  if (settings_.aws_signature.empty()) add("Expect:");
  if (!url_.place().empty()) {
    // libcurl takes SNI, the name to check and the Host header from the URL.
    append(connect_to_, "::" + url_.place());
    set(easy_, CURLOPT_CONNECT_TO, connect_to_);
    add("Host: " + url_.named());
  }
  set(easy_, CURLOPT_HTTPHEADER, headers_);

  set(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(easy_, CURLOPT_WRITEDATA, this);
  set(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(easy_, CURLOPT_HEADERDATA, this);
  set(easy_, CURLOPT_PREREQFUNCTION, &Transfer::on_start);
  set(easy_, CURLOPT_PREREQDATA, this);
}

void Transfer::set_proxy() {
  set(easy_, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // credentials are not the proxy's
  if (settings_.proxy.empty()) return;
  set(easy_, CURLOPT_PROXY, settings_.proxy.c_str());
  if (strncasecmp(settings_.proxy.c_str(), "socks5://", 9) == 0) {
    set(easy_, CURLOPT_PROXY, ("socks5h" + settings_.proxy.substr(6)).c_str());
  }
  if (!settings_.heed_no_proxy) set(easy_, CURLOPT_NOPROXY, "");
}

// As blobs they are for the server alone: a proxy over TLS is not shown them.
void Transfer::set_client_certificate() {
  if (settings_.client_certificate.empty()) return;
  set_blob(easy_, CURLOPT_SSLCERT_BLOB, settings_.client_certificate);
  set_blob(easy_, CURLOPT_SSLKEY_BLOB, settings_.client_key);
}

void Transfer::set_trust() {
  set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(easy_, CURLOPT_SSL_VERIFYPEER, settings_.skip_ssl_validation ? 0L : 1L);
  set(easy_, CURLOPT_SSL_VERIFYHOST, settings_.skip_ssl_validation ? 0L : 2L);
  if (settings_.ca_cert_only && !certificates_.empty()) {
    set(easy_, CURLOPT_CAPATH, nullptr);
    set_blob(easy_, CURLOPT_CAINFO_BLOB, settings_.ca_cert);
    return;
  }
  // What the curl program reads; the library does not.
  const char* bundle = environment("CURL_CA_BUNDLE");
  if (!bundle) {
    if (const char* folder = environment("SSL_CERT_DIR")) set(easy_, CURLOPT_CAPATH, folder);
    bundle = environment("SSL_CERT_FILE");
  }
  if (bundle) {
    set(easy_, CURLOPT_CAINFO, bundle);
  } else if (settings_.skip_ssl_validation) {
    set(easy_, CURLOPT_CAINFO, nullptr);
  } else if (!certificates_.empty()) {
    // A machine without the system's bundle trusts the given certificates all the same.
    const char* usual = curl_version_info(CURLVERSION_NOW)->cainfo;
    if (usual && access(usual, R_OK) != 0) set(easy_, CURLOPT_CAINFO, nullptr);
  }
  if (!certificates_.empty()) {
    set(easy_, CURLOPT_SSL_CTX_FUNCTION, &Transfer::on_tls);
    set(easy_, CURLOPT_SSL_CTX_DATA, this);
  }
}

void Transfer::header(std::string_view line) {
  if (line.starts_with("HTTP/")) {  // a new head: what came before was a 1xx
    response_ = {};
    head_ended_ = false;
    return;
  }
  if (line == "\r\n" || line == "\n") head_ended_ = true;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string name(line.substr(0, colon));
  const auto is = [&name](const char* known) { return strcasecmp(name.c_str(), known) == 0; };
  std::string* field = is("Content-Type")  ? &response_.content_type
                       : is("Location")    ? &response_.location
                       : is("Retry-After") ? &response_.retry_after
                       : is("Server")      ? &response_.server
                       : is("Date")        ? &response_.date
                                           : nullptr;
  if (field) *field = trimmed(line.substr(colon + 1));
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t bytes = size * count;
  if (bytes > transfer.settings_.answer_bytes - transfer.response_.body.size()) {
    transfer.too_large_ = true;
    return 0;  // ends the transfer
  }
  transfer.response_.body.append(data, bytes);
  return bytes;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  static_cast<Transfer*>(self)->header({data, size * count});
  return size * count;
}

// libcurl sends a request a second time when a kept connection turns out to be dead. It may have been carried out
// by then, and an unnamed claim would count twice: only what changes nothing is sent again without being asked.
int Transfer::on_start(void* self, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string& method = transfer.request_.method;
  ++transfer.starts_;
  return transfer.starts_ > 1 && method != "GET" && method != "HEAD" ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

CURLcode Transfer::on_tls(CURL*, void* context, void* self) {
  const auto& certificates = static_cast<Transfer*>(self)->certificates_;
  return certificates.trust(static_cast<ssl_ctx_st*>(context)) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

ClientResponse Transfer::finish(CURLcode result) {
  if (result != CURLE_OK) throw failure(result);
  // libcurl takes a head that is cut short for a whole one.
  if (!head_ended_) throw failure(HttpError::Kind::broken, "the connection was closed in the middle of an answer");
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<unsigned>(status);
  return std::move(response_);
}

HttpError Transfer::failure(HttpError::Kind kind, const std::string& what) const {
  return HttpError(kind, url_.origin() + ": " + what);
}

// libcurl tries a request again on a new connection when a kept one dies. That it cannot be made says nothing of
// what the peer did before.
bool Transfer::may_have_been_sent() const {
  return starts_ > 0 && request_.method != "GET" && request_.method != "HEAD";
}

// libcurl never saw the URL's userinfo, and its texts show no options: nothing in them is secret.
HttpError Transfer::failure(CURLcode result) const {
  if (too_large_) {
    return failure(HttpError::Kind::too_large,
                   "the answer is longer than " + std::to_string(settings_.answer_bytes) + " bytes");
  }
  if (result == CURLE_ABORTED_BY_CALLBACK) {
    return failure(HttpError::Kind::broken, "the kept connection was closed before an answer came");
  }
  const HttpError::Kind kind = kind_of(result);
  std::string what = error_[0] ? error_ : curl_easy_strerror(result);
  long system = 0;
  if (kind == HttpError::Kind::connect && curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &system) == CURLE_OK &&
      system) {
    // "Failed to connect to lock.test port 3000 after 0 ms: Couldn't connect to server": the system knows better
    // why.
    what = what.substr(0, what.find(" after ")) + ": " + std::strerror(static_cast<int>(system));
  }
  const bool unsent = kind == HttpError::Kind::resolve || kind == HttpError::Kind::connect ||
                      kind == HttpError::Kind::tls || kind == HttpError::Kind::certificate;
  if (unsent && may_have_been_sent()) {
    return failure(HttpError::Kind::broken,
                   "the kept connection was closed before an answer came, and there is no other: " + what);
  }
  return failure(kind, what);
}

}  // namespace lockkeeper::http
