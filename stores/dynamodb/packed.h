// What an item holds of texts is packed (zlib): DynamoDB takes 400 KB an item, and is paid by the kilobyte.
#pragma once

#include <string>
#include <string_view>

namespace lockkeeper::stores::dynamodb {

std::string pack(std::string_view text);
std::string unpack(std::string_view bytes);  // throws wire::WireError for damage

}  // namespace lockkeeper::stores::dynamodb
