// A request as it came in, in storage that is reused from one request of a connection to the next.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/listener.h"

namespace lockkeeper::http {

class ReceivedRequest final : public Request {
 public:
  std::string_view method() const override { return part(method_); }
  std::string_view target() const override { return part(target_); }
  std::string_view body() const override { return body_; }
  std::string_view header(std::string_view name) const override;

  // Forgets the request; keeps storage, unless an unusual request made it grow.
  void clear();
  // RFC 9112, 2.3; 11 until a request line was read.
  unsigned version() const { return version_; }

 private:
  friend class RequestParser;
  struct Part {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };
  struct Field {
    Part name, value;
  };
  std::string_view part(Part part) const { return std::string_view(text_).substr(part.at, part.size); }
  Part keep(std::string_view text);

  std::string text_;  // all of the head that is asked for later
  Part method_, target_;
  std::vector<Field> fields_;
  std::string body_;
  unsigned version_ = 11;
};

// What the listener answers by itself; 0: nothing wrong.
struct Fault {
  unsigned status = 0;
  std::string_view text;
};

// Beast's parser, filling a ReceivedRequest. Good for one request.
class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  RequestParser(ReceivedRequest& request, const ListenerSettings& settings);

  struct Progress {
    std::size_t consumed = 0;
    bool complete = false;
    bool continue_wanted = false;  // true once: RFC 9110, 10.1.1
    Fault fault;
  };
  Progress parse(std::string_view bytes);

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;
  void on_request_impl(boost::beast::http::verb, string_view method, string_view target, int version,
                       error_code& ec) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field field, string_view name, string_view value, error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code&) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override;
  void on_finish_impl(error_code&) override {}

  void refuse(unsigned status, std::string_view text, error_code& ec);
  bool counted(std::size_t bytes, error_code& ec);

  ReceivedRequest& request_;
  const std::size_t header_bytes_;
  std::size_t head_size_ = 0;
  unsigned hosts_ = 0, lengths_ = 0;
  bool header_done_ = false;
  bool chunked_ = false;
  bool expects_ = false;
  Fault fault_;
};

}  // namespace lockkeeper::http
