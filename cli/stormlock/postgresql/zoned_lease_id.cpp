#include "cli/stormlock/postgresql/zoned_lease_id.h"

#include <string_view>

#include "cli/stormlock/lease_id.h"

namespace lockkeeper::cli::stormlock {
namespace {

constexpr std::string_view mark = "6c6f636b";  // "lock"
constexpr int zero = 0x8000;                   // no offset, in the last two bytes

}  // namespace

std::string zoned_lease_id(std::int64_t minutes, std::string random) {
  const auto byte = [&](std::size_t at) -> char& { return random.at(at); };
  byte(6) = static_cast<char>((byte(6) & 0x0f) | 0x40);  // RFC 4122: version 4,
  byte(8) = static_cast<char>((byte(8) & 0x3f) | 0x80);  // its variant
  const auto offset = static_cast<std::uint16_t>(zero + minutes);
  byte(14) = static_cast<char>(offset >> 8);
  byte(15) = static_cast<char>(offset & 0xff);
  std::string text = to_hex(random);
  text.replace(20, mark.size(), mark);
  for (const std::size_t hyphen : {8, 13, 18, 23}) text.insert(hyphen, 1, '-');
  return text;
}

std::string sql_tells_offset(const std::string& uuid) {
  return "substr(" + uuid + "::text, 25, 8) = '" + std::string(mark) + "'";
}

std::string sql_minutes(const std::string& uuid) {
  return "(('x' || right(" + uuid + "::text, 4))::bit(16)::integer - " + std::to_string(zero) + ")";
}

}  // namespace lockkeeper::cli::stormlock
