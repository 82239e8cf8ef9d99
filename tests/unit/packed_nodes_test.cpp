#include "agent/packed_nodes.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "agent/base64.h"

namespace lockkeeper::agent {
namespace {

std::string unpacked(const std::string& packed) {
  const auto result = unpack_nodes(packed);
  const auto* text = std::get_if<std::string>(&result);
  return text ? *text : "fault: " + std::get<PackingFault>(result).why;
}

std::string fault(const std::string& packed, std::size_t most = kMostUnpackedBytes) {
  const auto result = unpack_nodes(packed, most);
  const auto* fault = std::get_if<PackingFault>(&result);
  return fault ? fault->why : "unpacked";
}

std::string zstd(const std::string& text) {
  std::string bytes(ZSTD_compressBound(text.size()), '\0');
  bytes.resize(ZSTD_compress(bytes.data(), bytes.size(), text.data(), text.size(), 3));
  return bytes;
}

std::string gzip(const std::string& text) {
  return *decode_base64(pack_nodes(text));
}

const std::string nodes = R"({"w-1":{"type":"Suspend","phase":"Running"}})";

TEST(PackedNodes, are_read_back_as_they_were_packed) {
  EXPECT_EQ(unpacked(pack_nodes(nodes)), nodes);
  EXPECT_EQ(unpacked(pack_nodes("")), "");
  std::string large;
  for (long i = 0; i < 300'000; ++i) large += std::to_string(i * 7919);
  EXPECT_TRUE(unpacked(pack_nodes(large)) == large)
      << unpacked(pack_nodes(large)).substr(0, 100);  // no diff of that
}

TEST(PackedNodes, of_another_gzip_are_read) {
  // printf '{"a":{}}' | gzip -n | base64
  EXPECT_EQ(unpacked("H4sIAAAAAAAAA6tWSlSyqq6tBQDPT4THCAAAAA=="), R"({"a":{}})");
}

TEST(PackedNodes, are_gzip_in_standard_base64_with_padding) {
  const std::string packed = pack_nodes(nodes);
  EXPECT_EQ(packed.substr(0, 4), "H4sI");
  EXPECT_EQ(packed.size() % 4, 0U);
  EXPECT_EQ(packed.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="),
            std::string::npos);
}

TEST(PackedNodes, of_zstd_are_read) {
  EXPECT_EQ(unpacked(encode_base64(zstd(nodes))), nodes);
  EXPECT_EQ(unpacked(encode_base64(zstd(nodes) + zstd(" "))), nodes + " ");  // a second frame
}

TEST(PackedNodes, of_several_gzip_members_are_read) {
  EXPECT_EQ(unpacked(encode_base64(gzip("{") + gzip("}"))), "{}");
}

TEST(PackedNodes, of_brotli_are_named_and_not_touched) {
  EXPECT_EQ(fault(encode_base64(std::string("\x0b\x03\x80{}\x03", 6))),
            "nodes packed with brotli, which is not unpacked here");
}

TEST(PackedNodes, that_are_damaged_are_refused) {
  EXPECT_EQ(fault("no base64!"), "the packed nodes are not base64");
  for (const std::string& whole : {gzip(nodes), zstd(nodes)}) {
    const std::string kind = whole[0] == '\x1f' ? "gzip" : "zstd";
    EXPECT_EQ(fault(encode_base64(whole.substr(0, whole.size() - 9))), "the packed nodes are damaged " + kind);
    EXPECT_EQ(fault(encode_base64(whole + "trailing")), "the packed nodes are damaged " + kind);
  }
  std::string flipped = gzip(nodes);
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x10);
  EXPECT_EQ(fault(encode_base64(flipped)), "the packed nodes are damaged gzip");
}

TEST(PackedNodes, are_capped_before_they_fill_the_memory) {
  const std::string large(1'000'001, ' ');
  EXPECT_EQ(fault(encode_base64(gzip(large)), 1'000'000), "the packed nodes are larger than 1000000 bytes");
  EXPECT_EQ(fault(encode_base64(zstd(large)), 1'000'000), "the packed nodes are larger than 1000000 bytes");
  EXPECT_EQ(fault(encode_base64(gzip(large)), 1'000'001), "unpacked");
  EXPECT_EQ(fault(encode_base64(zstd(large)), 1'000'001), "unpacked");
}

}  // namespace
}  // namespace lockkeeper::agent
