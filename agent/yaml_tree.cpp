#include "agent/yaml_tree.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace lockkeeper::agent {

namespace {

// Far above any kubeconfig; each node costs some 100 bytes.
constexpr std::size_t most_depth = 32;
constexpr std::size_t most_nodes = 100'000;
constexpr std::size_t most_copied_bytes = 4 * kMostYamlBytes;  // by anchors and aliases

std::string place(const YAML::Mark& mark) {
  return "line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1);
}

struct Weight {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
};

void weigh(const YamlNode& node, Weight& weight) {
  ++weight.nodes;
  weight.bytes += node.text.size();
  for (const YamlNode& item : node.items) weigh(item, weight);
  for (const auto& [key, value] : node.members) {
    weight.bytes += key.size();
    weigh(value, weight);
  }
}

// Builds the tree of one document. An alias is a copy, so that there is neither a cycle nor a surprise in it.
class Builder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { put(mark, anchor, {}); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.text = value;
    node.plain = tag == "?";  // yaml-cpp's tag of what has neither tag nor quotes
    put(mark, anchor, std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw YamlError("an alias refers to what it is a part of (" + place(mark) + ")");
    charge(known->second, mark);
    check_depth(known->second, open_.size(), mark);
    put(mark, 0, known->second);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { end(); }

  YamlNode take() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    std::string key;
    bool has_key = false;
    std::map<std::string, std::size_t> keys;  // of a map: where each is
  };

  void begin(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (open_.size() >= most_depth) throw YamlError("nested too deeply (" + place(mark) + ")");
    if (awaits_key()) throw YamlError("a key that is not a text (" + place(mark) + ")");
    Open open{{}, anchor, mark, {}, false, {}};
    open.node.kind = kind;
    open_.push_back(std::move(open));
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    put(done.mark, done.anchor, std::move(done.node));
  }

  bool awaits_key() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::map && !open_.back().has_key;
  }

  void put(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode node) {
    if (++nodes_ > most_nodes) throw YamlError("more than " + std::to_string(most_nodes) + " values");
    if (anchor != 0) {
      charge(node, mark);
      anchors_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& open = open_.back();
    if (open.node.kind == YamlNode::Kind::list) {
      open.node.items.push_back(std::move(node));
    } else if (!open.has_key) {
      if (node.kind != YamlNode::Kind::scalar) throw YamlError("a key that is not a text (" + place(mark) + ")");
      if (node.plain && node.text == "<<") throw YamlError("a merge key (<<) (" + place(mark) + ")");
      open.key = std::move(node.text);
      open.has_key = true;
    } else {
      const auto [at, added] = open.keys.try_emplace(open.key, open.node.members.size());
      if (added) {
        open.node.members.push_back({std::move(open.key), std::move(node)});
      } else {
        open.node.members[at->second].value = std::move(node);
      }
      open.has_key = false;
    }
  }

  void charge(const YamlNode& node, const YAML::Mark& mark) {
    Weight weight;
    weigh(node, weight);
    nodes_ += weight.nodes;
    copied_bytes_ += weight.bytes;
    if (nodes_ > most_nodes || copied_bytes_ > most_copied_bytes) {
      throw YamlError("aliases blow it up (" + place(mark) + ")");
    }
  }

  static void check_depth(const YamlNode& node, std::size_t depth, const YAML::Mark& mark) {
    if (depth > most_depth) throw YamlError("nested too deeply (" + place(mark) + ")");
    for (const YamlNode& item : node.items) check_depth(item, depth + 1, mark);
    for (const auto& [key, value] : node.members) check_depth(value, depth + 1, mark);
  }

  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
  std::size_t copied_bytes_ = 0;
};

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_text(Writer& writer, const std::string& text) {
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void write_scalar(Writer& writer, const YamlNode& node) {
  const std::string& text = node.text;
  if (node.plain && (text == "true" || text == "True" || text == "TRUE")) {
    writer.Bool(true);
  } else if (node.plain && (text == "false" || text == "False" || text == "FALSE")) {
    writer.Bool(false);
  } else if (node.plain && !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string::npos) {
    // What JSON calls a number goes through as it is written: 0123 or 1.2.3 are texts.
    rapidjson::Document number;
    number.Parse(text.data(), text.size());
    if (!number.HasParseError() && number.IsNumber()) {
      writer.RawValue(text.data(), text.size(), rapidjson::kNumberType);
    } else {
      write_text(writer, text);
    }
  } else {
    write_text(writer, text);
  }
}

void write(Writer& writer, const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      writer.Null();
      break;
    case YamlNode::Kind::scalar:
      write_scalar(writer, node);
      break;
    case YamlNode::Kind::list:
      writer.StartArray();
      for (const YamlNode& item : node.items) write(writer, item);
      writer.EndArray();
      break;
    case YamlNode::Kind::map:
      writer.StartObject();
      for (const auto& [key, value] : node.members) {
        writer.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
        write(writer, value);
      }
      writer.EndObject();
      break;
  }
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto member =
      std::find_if(members.begin(), members.end(), [&](const auto& each) { return each.key == key; });
  return member == members.end() || member->value.kind == Kind::null ? nullptr : &member->value;
}

YamlNode parse_yaml(std::string_view text) {
  if (text.size() > kMostYamlBytes) throw YamlError("longer than " + std::to_string(kMostYamlBytes) + " bytes");
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    Builder builder;
    parser.HandleNextDocument(builder);
    return builder.take();
  } catch (const YAML::Exception& error) {
    // Not its text: that may show a part of the file.
    throw YamlError("neither YAML nor JSON (" + place(error.mark) + ")");
  }
}

std::string to_json(const YamlNode& node) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  write(writer, node);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace lockkeeper::agent
