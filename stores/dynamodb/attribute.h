// DynamoDB's items as this project uses them: attributes of three of its types.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace lockkeeper::stores::dynamodb {

struct Attribute {
  enum class Type : std::uint8_t { text, number, bytes };
  Type type = Type::text;
  std::string value;  // UTF-8; a decimal number; any bytes (not in base64)

  bool operator==(const Attribute&) const = default;
};

using Item = std::map<std::string, Attribute>;

inline Attribute text(std::string value) {
  return {Attribute::Type::text, std::move(value)};
}
inline Attribute number(std::int64_t value) {
  return {Attribute::Type::number, std::to_string(value)};
}
inline Attribute number(std::uint64_t value) {
  return {Attribute::Type::number, std::to_string(value)};
}
inline Attribute bytes(std::string value) {
  return {Attribute::Type::bytes, std::move(value)};
}

}  // namespace lockkeeper::stores::dynamodb
