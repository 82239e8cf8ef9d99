// A URL taken apart: what is requested, and the userinfo, which is never shown. libcurl's parser stays inside.
#pragma once

#include <string>

namespace lockkeeper::http {

class Url {
 public:
  // Throws HttpError{bad_url}, whose text shows no userinfo. Only http and https; dots in the path stay as they
  // are, since `.` and `..` are names of locks.
  explicit Url(const std::string& text);
  ~Url();
  Url(const Url&) = delete;
  Url& operator=(const Url&) = delete;

  bool https() const { return https_; }
  bool has_query_or_fragment() const;
  const std::string& user() const { return user_; }          // percent-decoded
  const std::string& password() const { return password_; }  // percent-decoded
  std::string text() const;                                  // without userinfo
  std::string origin() const;                                // "https://host:3000", whatever it is shown as

  // TLS sees this name for the host from here on; the place that is asked stays the same. Throws
  // HttpError{bad_url}.
  void show_as(const std::string& name);
  const std::string& place() const { return place_; }  // after show_as(): "host:port"
  const std::string& named() const { return named_; }  // after show_as(): as in a Host header, "host[:port]"
  void* handle() const { return handle_; }             // CURLU*, without userinfo; owned by this

 private:
  void* handle_;
  bool https_ = false;
  std::string user_, password_;
  std::string origin_, place_, named_;  // empty until show_as()
};

}  // namespace lockkeeper::http
