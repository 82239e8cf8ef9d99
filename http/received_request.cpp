#include "http/received_request.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

#include "http/kept_storage.h"

namespace lockkeeper::http {
namespace {

namespace beast_http = boost::beast::http;
using Error = beast_http::error;

std::string_view std_view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

bool same(std::string_view left, std::string_view right) {
  return boost::beast::iequals(left, right);
}

// RFC 9112, 3.2.2: "http://host/path?query" means "/path?query" here.
std::string_view without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const auto end = target.find_first_of("/?");
    return end == std::string_view::npos ? std::string_view() : target.substr(end);
  }
  return target;
}

// Beast says bad_version for a blank inside of the target too.
Fault version_fault(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
  const std::string_view last = line.substr(line.rfind(' ') + 1);
  const bool spoken = last.starts_with("HTTP/1.0") || last.starts_with("HTTP/1.1");
  if (last.starts_with("HTTP/") && !spoken) return {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  return {400, "the request line is malformed"};
}

Fault fault_of(const boost::beast::error_code& ec, std::string_view bytes) {
  if (ec == Error::header_limit) return {431, "the request's header is too large"};
  if (ec == Error::body_limit) return {413, "the request's body is too large"};
  if (ec == Error::bad_version) return version_fault(bytes);
  if (ec == Error::bad_method || ec == Error::bad_target) return {400, "the request line is malformed"};
  if (ec == Error::bad_content_length || ec == Error::multiple_content_length) {
    return {400, "the Content-Length is malformed"};
  }
  if (ec == Error::bad_transfer_encoding) return {400, "the Transfer-Encoding is malformed"};
  if (ec == Error::bad_chunk || ec == Error::bad_chunk_extension) return {400, "the chunked body is malformed"};
  return {400, "the request's header is malformed"};
}

}  // namespace

std::string_view ReceivedRequest::header(std::string_view name) const {
  for (const Field& field : fields_) {
    if (same(part(field.name), name)) return part(field.value);
  }
  return {};
}

void ReceivedRequest::clear() {
  give_back_excess(text_);
  give_back_excess(body_);
  if (fields_.capacity() > 64) fields_ = std::vector<Field>();
  text_.clear();
  body_.clear();
  fields_.clear();
  method_ = target_ = {};
  version_ = 11;
}

ReceivedRequest::Part ReceivedRequest::keep(std::string_view text) {
  const Part part{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(text.size())};
  text_ += text;
  return part;
}

RequestParser::RequestParser(ReceivedRequest& request, const ListenerSettings& settings)
    : request_(request), header_bytes_(settings.header_bytes) {
  header_limit(static_cast<std::uint32_t>(settings.header_bytes));
  body_limit(settings.body_bytes);
}

RequestParser::Progress RequestParser::parse(std::string_view bytes) {
  Progress progress;
  while (!is_done() && progress.consumed < bytes.size()) {
    const std::string_view rest = bytes.substr(progress.consumed);
    error_code ec;
    progress.consumed += put(boost::asio::const_buffer(rest.data(), rest.size()), ec);
    if (ec == Error::need_more) break;
    if (ec) {
      progress.fault = fault_.status != 0 ? fault_ : fault_of(ec, rest);
      return progress;
    }
  }
  progress.complete = is_done();
  // Also when the body is here already: who asks for the interim answer may count on it.
  if (expects_ && header_done_ && request_.version() >= 11) {
    progress.continue_wanted = chunked() || content_length().value_or(0) > 0;
    expects_ = false;
  }
  return progress;
}

void RequestParser::refuse(unsigned status, std::string_view text, error_code& ec) {
  if (fault_.status == 0) fault_ = {status, text};
  ec = Error::bad_value;  // any: fault_ is what is answered
}

// Beast's own limit starts anew at each piece that arrives; this one does not.
bool RequestParser::counted(std::size_t bytes, error_code& ec) {
  head_size_ += bytes;
  if (head_size_ > header_bytes_) ec = Error::header_limit;
  return !ec;
}

void RequestParser::on_request_impl(beast_http::verb, string_view method, string_view target, int version,
                                    error_code& ec) {
  request_.version_ = static_cast<unsigned>(version);
  request_.method_ = request_.keep(std_view(method));
  if (!counted(method.size() + target.size() + sizeof("  HTTP/1.1\r\n") - 1, ec)) return;
  const std::string_view path = without_authority(std_view(target));
  const bool rooted = !path.empty() && path.front() != '?';
  if (rooted) {
    request_.target_ = request_.keep(path);
  } else {
    request_.target_ = request_.keep("/");
    request_.target_.size += request_.keep(path).size;
  }
}

void RequestParser::on_field_impl(beast_http::field field, string_view name, string_view value, error_code& ec) {
  if (!counted(name.size() + value.size() + sizeof(": \r\n") - 1, ec)) return;
  if (header_done_) return;  // a trailer: nobody here has a use for one
  switch (field) {
    case beast_http::field::host:
      if (++hosts_ > 1) return refuse(400, "more than one Host header", ec);
      break;
    case beast_http::field::content_length:
      if (++lengths_ > 1 || value.find(',') != string_view::npos) {
        return refuse(400, "more than one Content-Length", ec);
      }
      break;
    case beast_http::field::transfer_encoding:
      if (!same(std_view(value), "chunked")) return refuse(501, "no transfer coding but chunked is known here", ec);
      if (request_.version_ < 11) return refuse(400, "HTTP/1.0 has no Transfer-Encoding", ec);
      chunked_ = true;
      break;
    case beast_http::field::expect:
      if (!same(std_view(value), "100-continue")) {
        return refuse(417, "no expectation but 100-continue is known here", ec);
      }
      expects_ = true;
      break;
    default:
      break;
  }
  request_.fields_.push_back({request_.keep(std_view(name)), request_.keep(std_view(value))});
}

void RequestParser::on_header_impl(error_code& ec) {
  header_done_ = true;
  if (request_.version_ >= 11 && hosts_ == 0) return refuse(400, "the Host header is missing", ec);
  // No more than is kept anyway: a length alone must not cost memory.
  if (const auto length = content_length()) request_.body_.reserve(std::min<std::uint64_t>(*length, kept_bytes));
}

std::size_t RequestParser::on_body_impl(string_view body, error_code&) {
  request_.body_.append(body.data(), body.size());
  return body.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, string_view body, error_code&) {
  request_.body_.append(body.data(), body.size());
  return body.size();
}

}  // namespace lockkeeper::http
