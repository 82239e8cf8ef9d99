// Standard base64 with padding (RFC 4648, 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lockkeeper::agent {

// White space between is let pass: people wrap long values. Nothing: it is not base64.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace lockkeeper::agent
