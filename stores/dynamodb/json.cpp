#include "stores/dynamodb/json.h"

#include "stores/dynamodb/base64.h"
#include "stores/dynamodb/client.h"

namespace lockkeeper::stores::dynamodb {
namespace {

[[noreturn]] void wrong() {
  throw DynamoError(DynamoError::Kind::unanswered, "the answer is not DynamoDB's JSON");
}

}  // namespace

void write(JsonWriter& json, std::string_view text) {
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void write(JsonWriter& json, const Item& item) {
  json.StartObject();
  for (const auto& [name, attribute] : item) {
    write(json, name);
    json.StartObject();
    switch (attribute.type) {
      case Attribute::Type::text:
        json.Key("S");
        write(json, attribute.value);
        break;
      case Attribute::Type::number:
        json.Key("N");
        write(json, attribute.value);
        break;
      case Attribute::Type::bytes:
        json.Key("B");
        write(json, to_base64(attribute.value));
        break;
    }
    json.EndObject();
  }
  json.EndObject();
}

Item read_item(const rapidjson::Value& value) {
  if (!value.IsObject()) wrong();
  Item item;
  for (const auto& each : value.GetObject()) {
    if (!each.value.IsObject() || each.value.MemberCount() != 1) wrong();
    const auto& only = *each.value.MemberBegin();
    const std::string_view type(only.name.GetString(), only.name.GetStringLength());
    if (type != "S" && type != "N" && type != "B") continue;
    if (!only.value.IsString()) wrong();
    std::string held(only.value.GetString(), only.value.GetStringLength());
    Attribute& attribute = item[{each.name.GetString(), each.name.GetStringLength()}];
    if (type == "B") {
      auto bytes = from_base64(held);
      if (!bytes) wrong();
      attribute = {Attribute::Type::bytes, std::move(*bytes)};
    } else {
      attribute = {type == "S" ? Attribute::Type::text : Attribute::Type::number, std::move(held)};
    }
  }
  return item;
}

const rapidjson::Value* find(const rapidjson::Value& object, const char* name) {
  if (!object.IsObject()) wrong();
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() || found->value.IsNull() ? nullptr : &found->value;
}

const rapidjson::Value& member(const rapidjson::Value& object, const char* name) {
  const rapidjson::Value* found = find(object, name);
  if (!found) wrong();
  return *found;
}

rapidjson::Value::ConstArray elements(const rapidjson::Value& array) {
  if (!array.IsArray()) wrong();
  return array.GetArray();
}

rapidjson::Value::ConstObject members(const rapidjson::Value& object) {
  if (!object.IsObject()) wrong();
  return object.GetObject();
}

std::string text_or_empty(const rapidjson::Value& object, const char* name) {
  const rapidjson::Value* found = find(object, name);
  if (!found || !found->IsString()) return {};
  return {found->GetString(), found->GetStringLength()};
}

rapidjson::Document parse_answer(const std::string& text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (document.HasParseError() || !document.IsObject()) wrong();
  return document;
}

}  // namespace lockkeeper::stores::dynamodb
