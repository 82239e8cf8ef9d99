// The nodes of a big workflow, as Argo packs them into `status.compressedNodes`: base64 of gzip, or since 4.1 of
// zstd or brotli, of the JSON of the map. Pure. What comes in is not ours: the unpacked size is capped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace lockkeeper::agent {

constexpr std::size_t kMostUnpackedBytes = 64 * 1024 * 1024;

// A sentence for the operator.
struct PackingFault {
  std::string why;
};

std::variant<std::string, PackingFault> unpack_nodes(std::string_view packed,
                                                     std::size_t most_bytes = kMostUnpackedBytes);

// Always gzip, which every version of Argo reads.
std::string pack_nodes(std::string_view json);

}  // namespace lockkeeper::agent
