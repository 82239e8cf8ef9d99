#include "server/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>
#include <optional>
#include <stdexcept>

namespace lockkeeper::server {
namespace {

constexpr std::size_t longest_credentials = 4096;  // far beyond any header limit's use, and fits a stack buffer

bool is_basic(std::string_view scheme) {
  constexpr std::string_view basic = "basic";
  if (scheme.size() != basic.size()) return false;
  for (std::size_t i = 0; i < basic.size(); ++i) {
    if ((scheme[i] | 0x20) != basic[i]) return false;
  }
  return true;
}

bool base64_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// OpenSSL's decoder forgives white space and takes padding for zero bytes, so the shape is checked here.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > longest_credentials) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  for (const char c : text.substr(0, text.size() - padding)) {
    if (!base64_letter(c)) return std::nullopt;
  }
  std::array<unsigned char, longest_credentials> decoded;
  const int size = EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  std::string out(decoded.begin(), decoded.begin() + size - static_cast<int>(padding));
  OPENSSL_cleanse(decoded.data(), static_cast<std::size_t>(size));
  return out;
}

}  // namespace

BasicAuth::BasicAuth(const std::string& user, std::string_view password) : required_(true), user_(user) {
  std::string credentials = user;
  credentials += ':';
  credentials += password;
  expected_ = digest(credentials);
  wipe(credentials);
}

bool BasicAuth::admits(std::string_view header) const {
  if (!required_) return true;
  const auto space = header.find(' ');
  if (space == std::string_view::npos || !is_basic(header.substr(0, space))) return false;
  auto credentials = decode_base64(header.substr(space + 1));
  if (!credentials) return false;
  const Digest given = digest(*credentials);
  wipe(*credentials);
  return CRYPTO_memcmp(given.data(), expected_.data(), given.size()) == 0;
}

BasicAuth::Digest BasicAuth::digest(std::string_view credentials) {
  // Fetching the algorithm costs more than the digest itself, so each thread keeps one context.
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  thread_local const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  Digest result{};
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), credentials.data(), credentials.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), result.data(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  return result;
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace lockkeeper::server
