// Items in DynamoDB's JSON. Private to the folder.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string>
#include <string_view>

#include "stores/dynamodb/attribute.h"

namespace lockkeeper::stores::dynamodb {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void write(JsonWriter& json, std::string_view text);
void write(JsonWriter& json, const Item& item);

// Attributes of other types are left out. Throws DynamoError{unanswered}: this is no item.
Item read_item(const rapidjson::Value& value);

// Of an answer; what is not there, or of another type, throws DynamoError{unanswered}. elements(): of an array that
// may be absent.
const rapidjson::Value& member(const rapidjson::Value& object, const char* name);
const rapidjson::Value* find(const rapidjson::Value& object, const char* name);
rapidjson::Value::ConstArray elements(const rapidjson::Value& array);
rapidjson::Value::ConstObject members(const rapidjson::Value& object);
std::string text_or_empty(const rapidjson::Value& object, const char* name);

// Throws DynamoError{unanswered} unless it is a JSON object.
rapidjson::Document parse_answer(const std::string& text);

}  // namespace lockkeeper::stores::dynamodb
