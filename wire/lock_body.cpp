#include "wire/lock_body.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <array>
#include <charconv>
#include <unordered_map>
#include <utility>

#include "locks/duration.h"
#include "wire/loose_text.h"

namespace lockkeeper::wire {

namespace {

// A field that somebody may send; the handler below gives it its value.
struct Field {
  enum class Type : std::uint8_t { ignored, text, loose_text, old_text, number, boolean, texts, duration };

  const char* name = "";
  Type type = Type::ignored;
  std::string LockBody::*text = nullptr;
  std::optional<std::chrono::milliseconds> LockBody::*duration = nullptr;
};

constexpr Field no_field;
constexpr const char* metadata_fault = "metadata must be an object of texts";

// old_text: of the original; another type makes the body undecodable. loose_text: the names that the original's
// README promised and its program ignored.
constexpr std::array lock_fields = {
    Field{"key", Field::Type::old_text, &LockBody::key},
    Field{"requestor", Field::Type::old_text, &LockBody::requestor},
    Field{"lock_by", Field::Type::loose_text, &LockBody::lock_by},
    Field{"locked_by", Field::Type::loose_text, &LockBody::locked_by},
    Field{"claim", Field::Type::text, &LockBody::claim},
    Field{"request", Field::Type::text, &LockBody::request},
    Field{"begun", Field::Type::number},
    Field{"metadata", Field::Type::texts},
    Field{"all", Field::Type::boolean},
    Field{"ttl", Field::Type::duration, nullptr, &LockBody::ttl},
    Field{"wait", Field::Type::duration, nullptr, &LockBody::wait},
};

// Its token lands in `begun`, which such a body does not have.
constexpr std::array renew_fields = {
    Field{"key", Field::Type::text, &LockBody::key},
    Field{"claim", Field::Type::text, &LockBody::claim},
    Field{"token", Field::Type::number},
    Field{"ttl", Field::Type::duration, nullptr, &LockBody::ttl},
};

// In a force-release body the reason lands in `key`, which such a body does not have.
constexpr std::array force_fields = {Field{"reason", Field::Type::text, &LockBody::key}};

// What a value is, as far as a field cares.
struct Value {
  enum class Kind : std::uint8_t { null, boolean, number, text, composite };

  Kind kind = Kind::null;
  std::string_view text;  // of a text, or a number as it was written
  bool boolean = false;
};

// Fields of the top object are taken as they come, so that the last duplicate wins; what is deeper is skipped,
// but for the pairs of `metadata`.
class BodyReader : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, BodyReader> {
 public:
  template <std::size_t N>
  BodyReader(const std::array<Field, N>& fields) : fields_(fields.data()), field_count_(N) {}

  bool Null() { return scalar({Value::Kind::null, {}, false}); }
  bool Bool(bool value) { return scalar({Value::Kind::boolean, {}, value}); }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    return scalar({Value::Kind::number, {text, length}, false});
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return scalar({Value::Kind::text, {text, length}, false});
  }
  bool StartObject() {
    if (depth_ == 0) object_ = true;
    if (depth_ == 1) composite(true);
    if (depth_ == 2 && metadata_) fault(metadata_fault);
    ++depth_;
    return true;
  }
  bool StartArray() {
    if (depth_ == 1) composite(false);
    if (depth_ == 2 && metadata_) fault(metadata_fault);
    ++depth_;
    return true;
  }
  bool EndObject(rapidjson::SizeType) { return end(); }
  bool EndArray(rapidjson::SizeType) { return end(); }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    const std::string_view name(text, length);
    if (depth_ == 1) field_ = named(name);
    if (depth_ == 2 && metadata_) body_.metadata.emplace_back(name, std::string());
    return true;
  }

  // After a parse that went well.
  std::variant<LockBody, BodyFault> result();

 private:
  const Field* named(std::string_view name) const {
    for (std::size_t i = 0; i < field_count_; ++i) {
      if (same_field(name, fields_[i].name)) return &fields_[i];
    }
    return &no_field;
  }

  bool end() {
    if (--depth_ == 1) metadata_ = false;
    return true;
  }

  bool scalar(const Value& value) {
    if (depth_ == 0) top_null_ = value.kind == Value::Kind::null;
    if (depth_ == 1) take(value);
    if (depth_ == 2 && metadata_) {
      if (value.kind == Value::Kind::text) {
        body_.metadata.back().second = value.text;
      } else {
        fault(metadata_fault);
      }
    }
    return true;
  }

  void composite(bool object);
  void take(const Value& value);
  void take_number(const Value& value);
  void take_duration(const Value& value);

  void fault(std::string text) {
    if (fault_.empty()) fault_ = std::move(text);
  }

  const Field* fields_;
  std::size_t field_count_;
  LockBody body_;
  std::string fault_;
  const Field* field_ = &no_field;
  std::size_t depth_ = 0;
  bool object_ = false;  // the top value is one
  bool top_null_ = false;
  bool metadata_ = false;  // inside of the metadata's object
  bool undecodable_ = false;
  std::string number_ttl_;  // what is wrong with it, if this body is one of ours
};

void BodyReader::take(const Value& value) {
  if (value.kind == Value::Kind::null) return;  // as Go: leaves what an earlier duplicate gave
  const bool text = value.kind == Value::Kind::text;
  const std::string name = field_->name;
  switch (field_->type) {
    case Field::Type::ignored:
      return;
    case Field::Type::old_text:
      if (!text) undecodable_ = true;
      break;
    case Field::Type::loose_text:
      break;
    case Field::Type::text:
      body_.native = true;
      if (!text) fault(name + " must be a text");
      break;
    case Field::Type::number:
      take_number(value);
      return;
    case Field::Type::boolean:
      body_.native = true;
      body_.all = value.boolean;
      if (value.kind != Value::Kind::boolean) fault(name + " must be true or false");
      return;
    case Field::Type::texts:
      fault(metadata_fault);
      return;
    case Field::Type::duration:
      take_duration(value);
      return;
  }
  if (text) body_.*(field_->text) = value.text;
}

void BodyReader::take_number(const Value& value) {
  body_.native = true;
  locks::Version number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [at, wrong] = std::from_chars(value.text.data(), end, number);
  if (value.kind != Value::Kind::number || wrong != std::errc() || at != end) {
    fault(std::string(field_->name) + " must be a version: a whole number that is not negative");
    return;
  }
  body_.begun = number;
}

// A lease that is ignored would be a lock that nobody gives back. But a bare number is no duration of ours, and the
// original took a body with such a ttl (compat: locker, extra-fields): it stays an unknown field there.
void BodyReader::take_duration(const Value& value) {
  const bool waits = field_->duration == &LockBody::wait;
  if (waits && value.kind == Value::Kind::boolean && !value.boolean) {
    body_.wait.reset();
    return;
  }
  if (value.kind != Value::Kind::number && value.kind != Value::Kind::text) {
    return fault(std::string(field_->name) + " must be a duration, like \"30s\"");
  }
  auto parsed = locks::parse_duration(value.text);
  if (auto* duration = std::get_if<std::chrono::milliseconds>(&parsed)) {
    body_.native = true;
    body_.*(field_->duration) = *duration;
    if (!waits) number_ttl_.clear();
    return;
  }
  std::string text = std::string(field_->name) + ": " + std::get<locks::DurationFault>(parsed).text;
  if (value.kind == Value::Kind::number && !waits) {
    number_ttl_ = std::move(text);
  } else {
    fault(std::move(text));
  }
}

// An object or array as the value of a field.
void BodyReader::composite(bool object) {
  if (field_->type == Field::Type::texts && object) {
    body_.native = true;
    body_.metadata.clear();
    metadata_ = true;
    return;
  }
  take({Value::Kind::composite, {}, false});
}

// Keeps the last of pairs with the same key, where the first one was.
void without_duplicates(locks::Metadata& metadata) {
  std::unordered_map<std::string, std::size_t> places;
  std::size_t kept = 0;
  for (auto& [key, value] : metadata) {
    const auto [at, fresh] = places.try_emplace(key, kept);
    std::pair<std::string, std::string> pair(key, std::move(value));
    if (fresh) {
      metadata[kept++] = std::move(pair);
    } else {
      metadata[at->second] = std::move(pair);
    }
  }
  metadata.resize(kept);
}

std::variant<LockBody, BodyFault> BodyReader::result() {
  if (undecodable_ || (!object_ && !top_null_)) return BodyFault{true, {}};
  if (!number_ttl_.empty() && body_.native) fault(std::move(number_ttl_));
  if (!fault_.empty()) return BodyFault{false, fault_};
  if (body_.metadata.size() > 1) without_duplicates(body_.metadata);
  return std::move(body_);
}

template <std::size_t N>
std::variant<LockBody, BodyFault> parse(std::string_view body, const std::array<Field, N>& fields) {
  // Iterative: a body of nothing but brackets costs no stack. Numbers stay texts: a version has 64 bits.
  constexpr unsigned flags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseStopWhenDoneFlag | rapidjson::kParseNumbersAsStringsFlag;
  std::string scratch;
  const std::string_view mended = mend(body, scratch);
  rapidjson::MemoryStream stream(mended.data(), mended.size());
  BodyReader handler(fields);
  rapidjson::Reader reader;
  if (!reader.Parse<flags>(stream, handler)) return BodyFault{true, {}};
  return handler.result();
}

}  // namespace

const std::string& LockBody::holder() const {
  for (const std::string* given : {&requestor, &lock_by, &locked_by}) {
    if (!given->empty()) return *given;
  }
  return key;
}

std::variant<LockBody, BodyFault> parse_lock_body(std::string_view body) {
  return parse(body, lock_fields);
}

std::variant<RenewFields, BodyFault> parse_renew_body(std::string_view body) {
  auto parsed = parse(body, renew_fields);
  if (const auto* fault = std::get_if<BodyFault>(&parsed)) return *fault;
  auto& fields = std::get<LockBody>(parsed);
  return RenewFields{std::move(fields.key), std::move(fields.claim), fields.begun, fields.ttl};
}

std::variant<std::string, BodyFault> parse_force_body(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return std::string();
  auto parsed = parse(body, force_fields);
  if (const auto* fault = std::get_if<BodyFault>(&parsed)) return *fault;
  return std::get<LockBody>(std::move(parsed)).key;
}

}  // namespace lockkeeper::wire
