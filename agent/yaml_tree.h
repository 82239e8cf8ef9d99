// A YAML or JSON document as a plain tree. The text is not trusted: size, depth and what aliases make of it are
// bounded. Of several documents the first counts. yaml-cpp stays inside.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper::agent {

constexpr std::size_t kMostYamlBytes = 1024 * 1024;

// A sentence that shows nothing of the text but line and column.
class YamlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct YamlMember;

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;    // of a scalar
  bool plain = false;  // a scalar without quotes or tag: `true` is a boolean then, and 1 a number
  std::vector<YamlNode> items;
  std::vector<YamlMember> members;  // each key once: the last one's value

  const YamlNode* find(std::string_view key) const;  // nullptr: not there, or null
};

struct YamlMember {
  std::string key;
  YamlNode value;
};

YamlNode parse_yaml(std::string_view text);  // throws YamlError; no document at all is null

// Plain scalars become what they look like: null, booleans, numbers; everything else texts.
std::string to_json(const YamlNode& node);

}  // namespace lockkeeper::agent
