#include "stores/dynamodb/packed.h"

#include <zlib.h>

#include <cstdint>

#include "wire/record_json.h"

namespace lockkeeper::stores::dynamodb {
namespace {

// The first byte says what follows: the text as it is, or its length (4 bytes, big-endian) and what zlib made of
// it.
constexpr char plain = 'p';
constexpr char zipped = 'z';
constexpr std::size_t worth_it = 512;
constexpr std::size_t longest = 64 * 1024 * 1024;  // 380 KB could be unpacked to more only if somebody meant it

const Bytef* raw(std::string_view text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

[[noreturn]] void damaged() {
  throw wire::WireError("what is packed in an item of the table is damaged");
}

}  // namespace

std::string pack(std::string_view text) {
  if (text.size() < worth_it) return plain + std::string(text);
  uLongf size = compressBound(text.size());
  std::string bytes(5 + size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(bytes.data() + 5), &size, raw(text), text.size(), Z_BEST_SPEED) != Z_OK) {
    throw std::bad_alloc();
  }
  bytes.resize(5 + size);
  bytes[0] = zipped;
  for (std::size_t i = 0; i < 4; ++i) bytes[1 + i] = static_cast<char>(text.size() >> (24 - 8 * i) & 0xff);
  return bytes;
}

std::string unpack(std::string_view bytes) {
  if (bytes.starts_with(plain)) return std::string(bytes.substr(1));
  if (!bytes.starts_with(zipped) || bytes.size() < 5) damaged();
  uLongf size = 0;
  for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[1 + i]);
  if (size > longest) damaged();
  std::string text(size, '\0');
  bytes.remove_prefix(5);
  if (uncompress(reinterpret_cast<Bytef*>(text.data()), &size, raw(bytes), bytes.size()) != Z_OK ||
      size != text.size()) {
    damaged();
  }
  return text;
}

}  // namespace lockkeeper::stores::dynamodb
