#include "agent/merge_patch.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace lockkeeper::agent {
namespace {

constexpr unsigned kDeepest = 200;

bool shallow(std::string_view text) {
  unsigned depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepest) return false;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return true;
}

}  // namespace

bool parse_json(std::string_view text, rapidjson::Document& document) {
  if (!shallow(text)) return false;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
  return !document.HasParseError();
}

std::string json_text(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

void merge(rapidjson::Value& target, const rapidjson::Value& patch, rapidjson::Document::AllocatorType& memory) {
  if (!patch.IsObject()) {
    target.CopyFrom(patch, memory);
    return;
  }
  if (!target.IsObject()) target.SetObject();
  for (const auto& member : patch.GetObject()) {
    const auto at = target.FindMember(member.name);
    if (member.value.IsNull()) {
      if (at != target.MemberEnd()) target.EraseMember(at);
    } else if (at != target.MemberEnd()) {
      merge(at->value, member.value, memory);
    } else {
      rapidjson::Value fresh;
      merge(fresh, member.value, memory);  // nulls within are left out as well
      target.AddMember(rapidjson::Value(member.name, memory), fresh, memory);
    }
  }
}

}  // namespace lockkeeper::agent
