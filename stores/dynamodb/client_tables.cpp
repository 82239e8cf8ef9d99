// Tables: describing one, and making it.
#include <string_view>

#include "stores/dynamodb/client.h"
#include "stores/dynamodb/json.h"

namespace lockkeeper::stores::dynamodb {
namespace {

const char* letter(Attribute::Type type) {
  return type == Attribute::Type::text ? "S" : type == Attribute::Type::number ? "N" : "B";
}

Attribute::Type type_of(const rapidjson::Value& definitions, const std::string& name) {
  for (const auto& one : elements(definitions)) {
    if (text_or_empty(one, "AttributeName") != name) continue;
    const std::string type = text_or_empty(one, "AttributeType");
    return type == "S" ? Attribute::Type::text : type == "N" ? Attribute::Type::number : Attribute::Type::bytes;
  }
  return Attribute::Type::text;
}

struct Keys {
  KeyPart partition;
  std::optional<KeyPart> sort;
};

Keys read_keys(const rapidjson::Value& schema, const rapidjson::Value& definitions) {
  Keys keys;
  for (const auto& part : elements(schema)) {
    const std::string name = text_or_empty(part, "AttributeName");
    const KeyPart read{name, type_of(definitions, name)};
    if (text_or_empty(part, "KeyType") == "HASH") {
      keys.partition = read;
    } else {
      keys.sort = read;
    }
  }
  return keys;
}

void write_definition(JsonWriter& json, const KeyPart& part) {
  json.StartObject();
  json.Key("AttributeName");
  write(json, part.name);
  json.Key("AttributeType");
  json.String(letter(part.type));
  json.EndObject();
}

void write_schema(JsonWriter& json, const KeyPart& partition, const KeyPart* sort) {
  json.Key("KeySchema");
  json.StartArray();
  for (const KeyPart* part : {&partition, sort}) {
    if (!part) continue;
    json.StartObject();
    json.Key("AttributeName");
    write(json, part->name);
    json.Key("KeyType");
    json.String(part == sort ? "RANGE" : "HASH");
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::optional<Table> DynamoClient::describe_table(const std::string& table, Deadline deadline) {
  std::string text;
  try {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("TableName");
    write(json, table);
    json.EndObject();
    text = call("DescribeTable", buffer.GetString(), Again::always, deadline);
  } catch (const DynamoError& error) {
    if (error.kind == DynamoError::Kind::no_table) return std::nullopt;
    throw;
  }
  const auto answer = parse_answer(text);
  const auto& described = member(answer, "Table");
  const auto& definitions = member(described, "AttributeDefinitions");
  Table read;
  Keys keys = read_keys(member(described, "KeySchema"), definitions);
  read.partition = std::move(keys.partition);
  read.sort = std::move(keys.sort);
  if (const auto* indexes = find(described, "LocalSecondaryIndexes")) {
    for (const auto& index : elements(*indexes)) {
      keys = read_keys(member(index, "KeySchema"), definitions);
      if (keys.sort) read.indexes.push_back({text_or_empty(index, "IndexName"), *keys.sort});
    }
  }
  const std::string status = text_or_empty(described, "TableStatus");
  read.active = status == "ACTIVE" || status == "UPDATING";
  return read;
}

void DynamoClient::create_table(const std::string& name, const Table& table, Deadline deadline) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("TableName");
  write(json, name);
  json.Key("BillingMode");
  json.String("PAY_PER_REQUEST");
  json.Key("AttributeDefinitions");
  json.StartArray();
  write_definition(json, table.partition);
  if (table.sort) write_definition(json, *table.sort);
  for (const TableIndex& index : table.indexes) write_definition(json, index.sort);
  json.EndArray();
  write_schema(json, table.partition, table.sort ? &*table.sort : nullptr);
  if (!table.indexes.empty()) {
    json.Key("LocalSecondaryIndexes");
    json.StartArray();
    for (const TableIndex& index : table.indexes) {
      json.StartObject();
      json.Key("IndexName");
      write(json, index.name);
      write_schema(json, table.partition, &index.sort);
      json.Key("Projection");
      json.StartObject();
      json.Key("ProjectionType");
      json.String("ALL");
      json.EndObject();
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  call("CreateTable", buffer.GetString(), Again::never, deadline);
}

}  // namespace lockkeeper::stores::dynamodb
