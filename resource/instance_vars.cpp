#include "resource/instance_vars.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace lockkeeper::resource {
namespace {

using JsonValue = rapidjson::Value;

std::string compact(const JsonValue& value) {
  if (value.IsString()) return {value.GetString(), value.GetStringLength()};
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

void append(const JsonValue& object, const std::string& prefix, int depth, std::string& out) {
  for (const auto& one : object.GetObject()) {
    const std::string name = prefix + std::string(one.name.GetString(), one.name.GetStringLength());
    if (one.value.IsObject() && one.value.MemberCount() > 0 && depth < 8) {
      append(one.value, name + ".", depth + 1, out);
    } else {
      out += (out.empty() ? "" : ", ") + name + ": " + compact(one.value);
    }
  }
}

}  // namespace

std::string readable_instance_vars(const std::string& json) {
  if (json.empty() || json == "{}" || json == "null") return {};
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) return json;
  std::string text;
  append(document, "", 0, text);
  return "{" + text + "}";
}

}  // namespace lockkeeper::resource
