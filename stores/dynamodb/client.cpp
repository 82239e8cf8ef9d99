#include "stores/dynamodb/client.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>
#include <thread>
#include <utility>

#include "stores/dynamodb/json.h"

namespace lockkeeper::stores::dynamodb {
namespace {

using http::HttpError;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Kind = DynamoError::Kind;

constexpr milliseconds first_pause(25);
constexpr milliseconds longest_pause(400);
constexpr std::size_t batch = 25;  // items a BatchWriteItem

http::ClientSettings settings_for(const Connection& connection) {
  http::ClientSettings settings;
  settings.username = connection.credentials.key_id;
  settings.password = connection.credentials.secret;
  settings.ca_cert = connection.ca;
  settings.ca_cert_only = true;
  settings.aws_signature = "aws:amz:" + connection.region + ":dynamodb";
  return settings;
}

// "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
Kind kind_of(std::string_view type) {
  type = type.substr(type.find('#') + 1);
  static constexpr std::array<std::pair<std::string_view, Kind>, 9> kinds{{
      {"ConditionalCheckFailedException", Kind::condition},
      {"ProvisionedThroughputExceededException", Kind::throttled},
      {"ThrottlingException", Kind::throttled},
      {"ThrottledException", Kind::throttled},
      {"RequestLimitExceeded", Kind::throttled},
      {"LimitExceededException", Kind::throttled},  // too many tables are being made
      {"ResourceNotFoundException", Kind::no_table},
      {"ResourceInUseException", Kind::in_use},
      {"InternalServerError", Kind::failed},
  }};
  const auto* found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& one) { return one.first == type; });
  return found == kinds.end() ? Kind::refused : found->second;
}

// The text of a refused signature quotes the request's headers, a session's token among them.
bool secret(const std::string& message, const Credentials& credentials) {
  return message.find(credentials.secret) != std::string::npos ||
         (!credentials.token.empty() && message.find(credentials.token) != std::string::npos);
}

DynamoError error_of(const char* action, const http::ClientResponse& response, const Credentials& credentials) {
  std::string type, message;
  try {
    const auto answer = parse_answer(response.body);
    type = text_or_empty(answer, "__type");
    message = text_or_empty(answer, "message");
    if (message.empty()) message = text_or_empty(answer, "Message");
    if (secret(message, credentials)) message.clear();
  } catch (const DynamoError&) {
    message = "no JSON";
  }
  const Kind kind = response.status >= 500 ? Kind::failed : kind_of(type);
  return {kind, std::string(action) + ": " + std::to_string(response.status) + " " +
                    type.substr(type.find('#') + 1) + (message.empty() ? "" : ": " + message)};
}

DynamoError error_of(const HttpError& error) {
  switch (error.kind) {
    case HttpError::Kind::bad_url:
    case HttpError::Kind::resolve:
    case HttpError::Kind::connect:
    case HttpError::Kind::certificate:
    case HttpError::Kind::tls:
      return {Kind::unreachable, error.what()};
    case HttpError::Kind::timeout:
      return {Kind::late, error.what()};
    default:
      return {Kind::unanswered, error.what()};
  }
}

// "20150830T123600Z"
std::string amz_date(std::time_t now) {
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 20> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc)};
}

// A request's members, one after the other.
class Body {
 public:
  Body() : json_(buffer_) { json_.StartObject(); }
  explicit Body(const std::string& table) : Body() { text("TableName", table); }

  JsonWriter& member(const char* name) {
    json_.Key(name);
    return json_;
  }
  Body& text(const char* name, const std::string& value) {
    if (!value.empty()) write(member(name), value);
    return *this;
  }
  Body& item(const char* name, const Item& value) {
    if (!value.empty()) write(member(name), value);
    return *this;
  }
  std::string finish() {
    json_.EndObject();
    return {buffer_.GetString(), buffer_.GetSize()};
  }

 private:
  rapidjson::StringBuffer buffer_;
  JsonWriter json_;
};

}  // namespace

DynamoClient::DynamoClient(const Connection& connection)
    : connection_(connection), http_(settings_for(connection)), random_(std::random_device{}()) {}

// "Wed, 21 Oct 2015 07:28:00 GMT"
std::optional<std::time_t> DynamoClient::date() const {
  std::tm utc{};
  const char* const end = strptime(date_.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return timegm(&utc);
}

// False: there is no time for one.
bool DynamoClient::pause(unsigned tries, Deadline deadline) {
  const auto most = std::min(longest_pause, first_pause * (1 << std::min(tries, 8U)));
  const milliseconds chosen(std::uniform_int_distribution<milliseconds::rep>(1, most.count())(random_));
  if (steady_clock::now() + chosen >= deadline) return false;
  std::this_thread::sleep_for(chosen);
  return true;
}

std::string DynamoClient::call(const char* action, const std::string& body, Again again, Deadline deadline,
                               std::optional<std::time_t> dated) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = connection_.endpoint + "/";
  request.body = body;
  request.headers = {{"Content-Type", "application/x-amz-json-1.0"},
                     {"X-Amz-Target", std::string("DynamoDB_20120810.") + action}};
  if (!connection_.credentials.token.empty()) {
    request.headers.emplace_back("X-Amz-Security-Token", connection_.credentials.token);
  }
  request.headers.emplace_back("X-Amz-Date", "");
  bool resent = false;
  for (unsigned tries = 0;; ++tries) {
    // Dated before the look at the deadline: if this process is stopped right after it, what it sends when it goes
    // on is refused for the age of its signature.
    request.headers.back().second = amz_date(dated.value_or(std::time(nullptr)));
    request.timeout = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (request.timeout <= milliseconds(0)) {
      throw DynamoError(Kind::throttled, std::string(action) + ": no time is left to ask");
    }
    http::ClientResponse response;
    try {
      response = http_.send(request, nullptr);
    } catch (const HttpError& error) {
      // A kept connection that the other side has closed meanwhile says nothing about it.
      if (error.kind != HttpError::Kind::broken || again == Again::never || std::exchange(resent, true)) {
        throw error_of(error);
      }
      continue;
    }
    date_ = std::move(response.date);
    if (response.status == 200) return std::move(response.body);
    const DynamoError error = error_of(action, response, connection_.credentials);
    const bool may_pass = error.kind == Kind::throttled || (error.kind == Kind::failed && again == Again::always);
    if (!may_pass || !pause(tries, deadline)) throw error;
  }
}

std::optional<Item> DynamoClient::get(const std::string& table, const Item& key, Deadline deadline) {
  Body body(table);
  body.item("Key", key).member("ConsistentRead").Bool(true);
  const auto answer = parse_answer(call("GetItem", body.finish(), Again::always, deadline));
  const auto* item = find(answer, "Item");
  if (!item) return std::nullopt;
  return read_item(*item);
}

std::vector<Item> DynamoClient::get_all(const std::string& table, const std::vector<Item>& keys,
                                        Deadline deadline) {
  std::vector<Item> found;
  std::vector<Item> left = keys;
  for (unsigned tries = 0; !left.empty(); ++tries) {
    if (tries > 0 && !pause(tries, deadline)) throw DynamoError(Kind::throttled, "BatchGetItem: not all was read");
    Body body;
    JsonWriter& json = body.member("RequestItems");
    json.StartObject();
    write(json, table);
    json.StartObject();
    json.Key("ConsistentRead");
    json.Bool(true);
    json.Key("Keys");
    json.StartArray();
    for (const Item& key : left) write(json, key);
    json.EndArray();
    json.EndObject();
    json.EndObject();
    const auto answer = parse_answer(call("BatchGetItem", body.finish(), Again::always, deadline));
    left.clear();
    if (const auto* all = find(answer, "Responses")) {
      for (const auto& of_table : members(*all)) {
        for (const auto& item : elements(of_table.value)) found.push_back(read_item(item));
      }
    }
    if (const auto* rest = find(answer, "UnprocessedKeys")) {
      for (const auto& of_table : members(*rest)) {
        for (const auto& key : elements(member(of_table.value, "Keys"))) left.push_back(read_item(key));
      }
    }
  }
  return found;
}

void DynamoClient::put(const std::string& table, const Item& item, const Expression& condition, Deadline deadline,
                       std::optional<std::time_t> dated) {
  Body body(table);
  body.item("Item", item)
      .text("ConditionExpression", condition.text)
      .item("ExpressionAttributeValues", condition.values);
  call("PutItem", body.finish(), Again::never, deadline, dated);
}

void DynamoClient::put_all(const std::string& table, const std::vector<Item>& items, Deadline deadline) {
  write_all(table, "Put", items, deadline);
}

void DynamoClient::remove_all(const std::string& table, const std::vector<Item>& keys, Deadline deadline) {
  write_all(table, "Delete", keys, deadline);
}

// Said twice, either does what it does once.
void DynamoClient::write_all(const std::string& table, const char* what, const std::vector<Item>& items,
                             Deadline deadline) {
  const bool putting = *what == 'P';
  std::vector<Item> left = items;
  for (unsigned tries = 0; !left.empty();) {
    const std::size_t some = std::min(left.size(), batch);
    Body body;
    JsonWriter& json = body.member("RequestItems");
    json.StartObject();
    write(json, table);
    json.StartArray();
    for (std::size_t i = 0; i < some; ++i) {
      json.StartObject();
      json.Key(putting ? "PutRequest" : "DeleteRequest");
      json.StartObject();
      json.Key(putting ? "Item" : "Key");
      write(json, left[i]);
      json.EndObject();
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
    const auto answer = parse_answer(call("BatchWriteItem", body.finish(), Again::always, deadline));
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(some));
    const auto* rest = find(answer, "UnprocessedItems");
    if (!rest || members(*rest).MemberCount() == 0) continue;
    for (const auto& of_table : members(*rest)) {
      for (const auto& one : elements(of_table.value)) {
        left.push_back(read_item(putting ? member(member(one, "PutRequest"), "Item")
                                         : member(member(one, "DeleteRequest"), "Key")));
      }
    }
    if (!pause(tries++, deadline)) throw DynamoError(Kind::throttled, "BatchWriteItem: not all was written");
  }
}

void DynamoClient::update(const std::string& table, const Item& key, const Expression& update,
                          const std::string& condition, Deadline deadline) {
  Body body(table);
  body.item("Key", key)
      .text("UpdateExpression", update.text)
      .text("ConditionExpression", condition)
      .item("ExpressionAttributeValues", update.values);
  call("UpdateItem", body.finish(), Again::never, deadline);
}

void DynamoClient::remove(const std::string& table, const Item& key, const Expression& condition,
                          Deadline deadline) {
  Body body(table);
  body.item("Key", key)
      .text("ConditionExpression", condition.text)
      .item("ExpressionAttributeValues", condition.values);
  call("DeleteItem", body.finish(), Again::never, deadline);
}

Page DynamoClient::ask(const std::string& table, const Question& question, Deadline deadline) {
  Body body(table);
  Item values = question.condition.values;
  values.insert(question.filter.values.begin(), question.filter.values.end());
  body.text("IndexName", question.index)
      .text("KeyConditionExpression", question.condition.text)
      .text("FilterExpression", question.filter.text)
      .text("ProjectionExpression", question.attributes)
      .item("ExpressionAttributeValues", values)
      .item("ExclusiveStartKey", question.from);
  body.member("ConsistentRead").Bool(true);
  if (question.limit > 0) body.member("Limit").Uint64(question.limit);
  if (question.descending) body.member("ScanIndexForward").Bool(false);
  const char* action = question.condition.text.empty() ? "Scan" : "Query";
  const auto answer = parse_answer(call(action, body.finish(), Again::always, deadline));
  Page page;
  if (const auto* items = find(answer, "Items")) {
    for (const auto& item : elements(*items)) page.items.push_back(read_item(item));
  }
  if (const auto* next = find(answer, "LastEvaluatedKey")) page.next = read_item(*next);
  return page;
}

}  // namespace lockkeeper::stores::dynamodb
