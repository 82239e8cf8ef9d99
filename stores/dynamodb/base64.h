// RFC 4648, section 4, as DynamoDB's JSON carries bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lockkeeper::stores::dynamodb {

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);  // nullopt: it is none

}  // namespace lockkeeper::stores::dynamodb
