#include "wire/json_in.h"

#include <rapidjson/memorystream.h>

#include "wire/record_json.h"

namespace lockkeeper::wire {

namespace {

constexpr std::size_t stack_bytes = 256;  // grows as needed

}  // namespace

JsonTree::JsonTree(std::string_view text)
    : allocator_(first_chunk_.data(), first_chunk_.size()), document_(&allocator_, stack_bytes) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  document_.ParseStream<rapidjson::kParseIterativeFlag, rapidjson::UTF8<>>(stream);
  if (document_.HasParseError() || stream.Tell() != text.size()) {
    wrong("not JSON, at byte " + std::to_string(document_.GetErrorOffset()));
  }
  object(document_, "text");
}

const JsonValue* find(const JsonValue& object, std::string_view name) {
  for (auto member = object.MemberBegin(); member != object.MemberEnd(); ++member) {
    if (std::string_view(member->name.GetString(), member->name.GetStringLength()) == name) {
      return member->value.IsNull() ? nullptr : &member->value;
    }
  }
  return nullptr;
}

const JsonValue& object(const JsonValue& value, const char* what) {
  if (!value.IsObject()) wrong(std::string(what) + " is not an object");
  return value;
}

const JsonValue& array(const JsonValue& value, const char* what) {
  if (!value.IsArray()) wrong(std::string(what) + " is not an array");
  return value;
}

std::string text_of(const JsonValue& value, const char* what) {
  if (!value.IsString()) wrong(std::string(what) + " is not a text");
  return {value.GetString(), value.GetStringLength()};
}

std::string need_text(const JsonValue& object, const char* name) {
  const JsonValue* value = find(object, name);
  if (value == nullptr) wrong(std::string(name) + " is missing");
  return text_of(*value, name);
}

std::uint64_t need_number(const JsonValue& object, const char* name) {
  const JsonValue* value = find(object, name);
  if (value == nullptr) wrong(std::string(name) + " is missing");
  if (!value->IsUint64()) wrong(std::string(name) + " is not a number");
  return value->GetUint64();
}

std::string text_or_empty(const JsonValue& object, const char* name) {
  const JsonValue* value = find(object, name);
  return value == nullptr ? std::string() : text_of(*value, name);
}

std::uint64_t number_or(const JsonValue& object, const char* name, std::uint64_t otherwise) {
  return find(object, name) == nullptr ? otherwise : need_number(object, name);
}

bool flag(const JsonValue& object, const char* name) {
  const JsonValue* value = find(object, name);
  if (value == nullptr) return false;
  if (!value->IsBool()) wrong(std::string(name) + " is not true or false");
  return value->GetBool();
}

locks::WallTime need_milliseconds(const JsonValue& object, const char* name) {
  const JsonValue* value = find(object, name);
  if (value == nullptr) wrong(std::string(name) + " is missing");
  if (!value->IsInt64()) wrong(std::string(name) + " is not a time");
  return locks::WallTime(std::chrono::milliseconds(value->GetInt64()));
}

void wrong(const std::string& what) {
  throw WireError(what);
}

}  // namespace lockkeeper::wire
