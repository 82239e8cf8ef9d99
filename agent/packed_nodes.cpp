#include "agent/packed_nodes.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "agent/base64.h"

namespace lockkeeper::agent {
namespace {

using Unpacked = std::variant<std::string, PackingFault>;

constexpr int kGzip = 16 + MAX_WBITS;  // zlib's word for a gzip header and trailer
constexpr int kMostWindowLog = 26;     // 64 MiB: what a zstd frame may make us allocate

const PackingFault damaged_gzip{"the packed nodes are damaged gzip"};
const PackingFault damaged_zstd{"the packed nodes are damaged zstd"};

PackingFault too_large(std::size_t most) {
  return {"the packed nodes are larger than " + std::to_string(most) + " bytes"};
}

// Room for what comes next, one byte more than the cap at most: so that reaching it tells.
std::size_t grow(std::string& out, std::size_t filled, std::size_t most) {
  if (filled == out.size()) out.resize(std::min(std::max(out.size() * 2, std::size_t{64} * 1024), most + 1));
  return out.size() - filled;
}

Unpacked gunzip(std::string bytes, std::size_t most) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, &inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::size_t filled = 0;
  for (;;) {
    stream.avail_out = static_cast<uInt>(grow(out, filled, most));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    const int result = inflate(&stream, Z_NO_FLUSH);
    filled = out.size() - stream.avail_out;
    if (filled > most) return too_large(most);
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) return damaged_gzip;  // another member follows
    } else if (result != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
      return damaged_gzip;
    }
  }
  out.resize(filled);
  return out;
}

Unpacked unzstd(const std::string& bytes, std::size_t most) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (!context) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMostWindowLog);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::string out;
  std::size_t filled = 0;
  for (;;) {
    const std::size_t room = grow(out, filled, most);
    ZSTD_outBuffer to{out.data() + filled, room, 0};
    const std::size_t left = ZSTD_decompressStream(context.get(), &to, &in);
    filled += to.pos;
    if (filled > most) return too_large(most);
    if (ZSTD_isError(left) != 0) return damaged_zstd;
    if (in.pos == in.size && left == 0) break;
    if (in.pos == in.size && to.pos < room) return damaged_zstd;  // it ends in the middle of a frame
  }
  out.resize(filled);
  return out;
}

}  // namespace

Unpacked unpack_nodes(std::string_view packed, std::size_t most_bytes) {
  std::optional<std::string> bytes = decode_base64(packed);
  if (!bytes) return PackingFault{"the packed nodes are not base64"};
  if (bytes->starts_with("\x1f\x8b")) return gunzip(std::move(*bytes), most_bytes);
  if (bytes->starts_with("\x28\xb5\x2f\xfd")) return unzstd(*bytes, most_bytes);
  // Argo takes everything else for brotli: it has no mark of its own.
  return PackingFault{"nodes packed with brotli, which is not unpacked here"};
}

std::string pack_nodes(std::string_view json) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, &deflateEnd);
  std::string bytes(deflateBound(&stream, static_cast<uLong>(json.size())), '\0');
  std::string input(json);  // zlib's pointer is not const
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::logic_error("deflateBound was too small");
  bytes.resize(stream.total_out);
  return encode_base64(bytes);
}

}  // namespace lockkeeper::agent
