// Basic authentication (RFC 7617) against one user. Only a digest of the credentials is kept.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace lockkeeper::server {

class BasicAuth {
 public:
  BasicAuth() = default;  // everybody is let in, as nobody
  BasicAuth(const std::string& user, std::string_view password);

  bool required() const { return required_; }
  // The value of an Authorization header ("" when there is none). The time it takes does not depend on how much of
  // the credentials is right. Any thread.
  bool admits(std::string_view header) const;
  const std::string& user() const { return user_; }

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest(std::string_view credentials);

  bool required_ = false;
  std::string user_;
  Digest expected_{};
};

// Overwrites what the text holds; a compiler does not leave it out.
void wipe(std::string& secret);

}  // namespace lockkeeper::server
