#include "agent/base64.h"

#include <openssl/evp.h>

#include <limits>

namespace lockkeeper::agent {

std::optional<std::string> decode_base64(std::string_view text) {
  std::string tight;
  tight.reserve(text.size());
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
                        c == '/' || c == '=';
    if (!letter) return std::nullopt;
    tight += c;
  }
  if (tight.empty()) return std::string();
  if (tight.size() % 4 != 0 || tight.size() > std::numeric_limits<int>::max()) return std::nullopt;
  const auto data = tight.find('=');
  const std::size_t padding = data == std::string::npos ? 0 : tight.size() - data;
  if (padding > 2 || (padding == 2 && tight.back() != '=')) return std::nullopt;
  std::string bytes(tight.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(tight.data()), static_cast<int>(tight.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size) - padding);  // the padding is decoded as zeros
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace lockkeeper::agent
