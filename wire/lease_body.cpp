#include "wire/lease_body.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cstdint>
#include <unordered_map>
#include <utility>

#include "wire/loose_text.h"
#include "wire/time_text.h"

namespace lockkeeper::wire {
namespace {

enum class Field : std::uint8_t { unknown, key, value, labels, timestamp };

Field field_named(std::string_view name) {
  constexpr std::pair<const char*, Field> fields[] = {
      {"key", Field::key}, {"value", Field::value}, {"labels", Field::labels}, {"timestamp", Field::timestamp}};
  for (const auto& [known, field] : fields) {
    if (same_field(name, known)) return field;
  }
  return Field::unknown;
}

// Go knows neither small letters in there nor leap seconds.
bool is_timestamp(std::string_view text) {
  return parse_time(text) && text.find_first_of("tz") == std::string_view::npos && text.substr(17, 2) != "60";
}

// Each handler tells whether the body is still one. Below the fields of the top object only labels are looked into.
class LeaseReader : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, LeaseReader> {
 public:
  LeaseBody body;

  bool Null() {
    if (depth_ == 2 && in_labels_) body.labels[label_].second.clear();
    if (depth_ == 1 && field_ == Field::labels) {
      body.labels.clear();
      places_.clear();
    }
    return true;  // also in place of the object
  }
  bool Bool(bool) { return other(); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return other(); }
  bool String(const char* text, rapidjson::SizeType length, bool) { return taken({text, length}); }
  bool StartObject() {
    if (depth_ == 1) in_labels_ = field_ == Field::labels;
    if (depth_ != 0 && !in_labels_ && !other()) return false;
    if (depth_ == 2 && in_labels_) return false;
    ++depth_;
    return true;
  }
  bool StartArray() {
    if (!other()) return false;
    ++depth_;
    return true;
  }
  bool EndObject(rapidjson::SizeType) { return end(); }
  bool EndArray(rapidjson::SizeType) { return end(); }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    const std::string_view name(text, length);
    if (depth_ == 1) field_ = field_named(name);
    if (depth_ == 2 && in_labels_) add_label(name);
    return true;
  }

 private:
  bool end() {
    if (--depth_ == 1) in_labels_ = false;
    return true;
  }

  // A value that is no text.
  bool other() const {
    if (depth_ == 0) return false;  // the body is no object
    return depth_ == 1 ? field_ == Field::unknown : !in_labels_;
  }

  bool taken(std::string_view text) {
    if (depth_ == 0) return false;
    if (depth_ == 2 && in_labels_) body.labels[label_].second = text;
    if (depth_ != 1) return true;
    switch (field_) {
      case Field::key:
        body.key = text;
        return true;
      case Field::value:
        body.value = text;
        return true;
      case Field::timestamp:
        return is_timestamp(text);
      case Field::labels:
        return false;
      case Field::unknown:
        break;
    }
    return true;
  }

  void add_label(std::string_view name) {
    const auto [at, fresh] = places_.try_emplace(std::string(name), body.labels.size());
    if (fresh) body.labels.emplace_back(name, "");
    label_ = at->second;
  }

  std::size_t depth_ = 0;
  Field field_ = Field::unknown;  // whose value comes next, at depth 1
  bool in_labels_ = false;
  std::size_t label_ = 0;                                // likewise, in the labels
  std::unordered_map<std::string, std::size_t> places_;  // of the labels by name
};

}  // namespace

std::optional<LeaseBody> parse_lease_body(std::string_view body) {
  // Iterative: a body of nothing but brackets costs no stack. Numbers stay texts: those out of range are fine in
  // what is ignored.
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  std::string scratch;
  const std::string_view mended = mend(body, scratch);
  rapidjson::MemoryStream stream(mended.data(), mended.size());
  LeaseReader handler;
  rapidjson::Reader reader;
  if (!reader.Parse<flags>(stream, handler)) return std::nullopt;
  // To RapidJSON a NUL after the value is the body's end.
  if (stream.Tell() != mended.size()) return std::nullopt;
  return std::move(handler.body);
}

}  // namespace lockkeeper::wire
