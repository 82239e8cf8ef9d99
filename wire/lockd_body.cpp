#include "wire/lockd_body.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <array>
#include <cstdint>
#include <utility>

#include "locks/duration.h"
#include "wire/json_out.h"
#include "wire/loose_text.h"
#include "wire/time_text.h"

namespace lockkeeper::wire {
namespace {

constexpr const char* not_json = "the body is not a JSON object with a text as its name";

enum class Field : std::uint8_t { ignored, name, client_id, request_id, wait, ttl, override_client };

struct FieldName {
  const char* text;
  Field field;
};

constexpr std::array field_names = {
    FieldName{"name", Field::name}, FieldName{"client_id", Field::client_id},
    FieldName{"wait", Field::wait}, FieldName{"request_id", Field::request_id},
    FieldName{"ttl", Field::ttl},   FieldName{"override", Field::override_client},
};

struct Value {
  enum class Kind : std::uint8_t { boolean, number, text, composite };

  Kind kind = Kind::composite;
  std::string_view text;  // of a text, or a number as it was written
  bool boolean = false;
};

// Fields of the top object are taken as they come, so that the last duplicate wins; what is deeper is skipped.
class BodyReader : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, BodyReader> {
 public:
  // As Go: null leaves what an earlier duplicate gave.
  bool Null() {
    if (depth_ == 0) top_null_ = true;
    return true;
  }
  bool Bool(bool value) { return scalar({Value::Kind::boolean, {}, value}); }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    return scalar({Value::Kind::number, {text, length}, false});
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return scalar({Value::Kind::text, {text, length}, false});
  }
  bool StartObject() {
    if (depth_ == 0) object_ = true;
    return start();
  }
  bool StartArray() { return start(); }
  bool EndObject(rapidjson::SizeType) { return end(); }
  bool EndArray(rapidjson::SizeType) { return end(); }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    if (depth_ != 1) return true;
    current_ = {"", Field::ignored};
    for (const FieldName& one : field_names) {
      if (same_field({text, length}, one.text)) current_ = one;
    }
    return true;
  }

  // After a parse that went well.
  std::variant<LockdBody, std::string> result();

 private:
  bool start() {
    if (depth_ == 1) take({});
    ++depth_;
    return true;
  }
  bool end() {
    --depth_;
    return true;
  }
  bool scalar(const Value& value) {
    if (depth_ == 1) take(value);
    return true;
  }

  void take(const Value& value);
  void take_text(const Value& value, std::string& to);
  void take_duration(const Value& value, std::optional<std::chrono::milliseconds>& to);
  void take_override(const Value& value);

  void fault(const char* text) {
    if (fault_.empty()) fault_ = std::string(current_.text) + text;
  }

  LockdBody body_;
  std::string fault_;
  FieldName current_{"", Field::ignored};
  std::size_t depth_ = 0;
  bool object_ = false;  // the top value is one
  bool top_null_ = false;
  bool undecodable_ = false;
  bool number_ttl_ = false;  // a fault only in a body with another field of ours
};

void BodyReader::take(const Value& value) {
  switch (current_.field) {
    case Field::ignored:
      return;
    case Field::name:
      if (value.kind == Value::Kind::text) {
        body_.name = value.text;
      } else {
        undecodable_ = true;
      }
      return;
    case Field::client_id:
      return take_text(value, body_.client_id);
    case Field::request_id:
      return take_text(value, body_.request_id);
    case Field::wait:
      return take_duration(value, body_.wait);
    case Field::ttl:
      number_ttl_ = value.kind == Value::Kind::number;
      if (!number_ttl_) take_duration(value, body_.ttl);
      return;
    case Field::override_client:
      return take_override(value);
  }
}

void BodyReader::take_text(const Value& value, std::string& to) {
  body_.ours = true;
  if (value.kind != Value::Kind::text) return fault(" must be a text");
  to = value.text;
}

void BodyReader::take_duration(const Value& value, std::optional<std::chrono::milliseconds>& to) {
  body_.ours = true;
  if (value.kind != Value::Kind::text) return fault(" must be a duration in quotes, like \"30s\"");
  auto parsed = locks::parse_duration(value.text);
  if (const auto* duration = std::get_if<std::chrono::milliseconds>(&parsed)) {
    to = *duration;
  } else {
    fault((": " + std::get<locks::DurationFault>(parsed).text).c_str());
  }
}

void BodyReader::take_override(const Value& value) {
  body_.ours = true;
  const bool text = value.kind == Value::Kind::text;
  body_.overrides = text ? value.text == "true" : value.boolean;
  if (text ? value.text != "true" && value.text != "false" : value.kind != Value::Kind::boolean) {
    fault(" must be true or false");
  }
}

std::variant<LockdBody, std::string> BodyReader::result() {
  if (undecodable_ || (!object_ && !top_null_)) return not_json;
  if (number_ttl_ && body_.ours && fault_.empty()) return "ttl must be a duration in quotes, like \"30s\"";
  if (!fault_.empty()) return std::move(fault_);
  return std::move(body_);
}

// Reads from the front of a text.
class Xml {
 public:
  explicit Xml(std::string_view text) : rest_(text) {}

  void skip_space() {
    const auto at = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at);
  }
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  // "<Name>", and white space as XML allows it. Nothing, when it is another tag.
  bool tag(std::string_view begin) {
    const std::string_view before = rest_;
    if (take(begin)) {
      skip_space();
      if (take(">")) return true;
    }
    rest_ = before;
    return false;
  }
  void skip_declaration() {
    skip_space();
    if (!rest_.starts_with("<?xml ")) return;
    const auto end = rest_.find("?>");
    if (end != std::string_view::npos) rest_.remove_prefix(end + 2);
    skip_space();
  }
  // Up to the next tag. False: an entity that is none.
  bool text(std::string& to);
  bool over() const { return rest_.empty(); }

 private:
  bool entity(std::string& to);

  std::string_view rest_;
};

bool Xml::text(std::string& to) {
  while (!rest_.empty() && rest_.front() != '<') {
    if (rest_.front() == '&') {
      if (!entity(to)) return false;
    } else {
      to += rest_.front();
      rest_.remove_prefix(1);
    }
  }
  return true;
}

bool Xml::entity(std::string& to) {
  constexpr std::array<std::pair<const char*, char>, 5> known = {
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  for (const auto& [name, character] : known) {
    if (!take(name)) continue;
    to += character;
    return true;
  }
  return false;
}

}  // namespace

std::variant<LockdBody, std::string> parse_lockd_json(std::string_view body) {
  // Iterative: a body of nothing but brackets costs no stack.
  constexpr unsigned flags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseStopWhenDoneFlag | rapidjson::kParseNumbersAsStringsFlag;
  std::string scratch;
  const std::string_view mended = mend(body, scratch);
  rapidjson::MemoryStream stream(mended.data(), mended.size());
  BodyReader handler;
  rapidjson::Reader reader;
  if (!reader.Parse<flags>(stream, handler)) return not_json;
  return handler.result();
}

std::variant<LockdBody, std::string> parse_lockd_xml(std::string_view body) {
  constexpr const char* fault = "the body is not <LockRequest><Name>...</Name></LockRequest>";
  LockdBody request;
  Xml xml(body);
  xml.skip_declaration();
  if (!xml.tag("<LockRequest")) return fault;
  xml.skip_space();
  if (xml.tag("<Name")) {
    if (!xml.text(request.name) || !xml.tag("</Name")) return fault;
    xml.skip_space();
  }
  if (!xml.tag("</LockRequest")) return fault;
  xml.skip_space();
  if (!xml.over()) return fault;
  return request;
}

void write_lockd_conflict(std::string_view error, const std::optional<locks::Hold>& holder, std::size_t position,
                          std::size_t waiters, std::string& out) {
  JsonOut json(out, Escapes::web);
  json.open('{').name("error").text(error);
  if (holder) json.name("holder").text(holder->holder).name("since").text(time_text(holder->since));
  if (position != 0) {
    json.name("position").number(std::uint64_t{position}).name("waiters").number(std::uint64_t{waiters});
  }
  json.close('}');
  out += '\n';
}

}  // namespace lockkeeper::wire
