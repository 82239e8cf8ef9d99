#include "resource/payload_member.h"

#include <cmath>
#include <cstdint>
#include <variant>

#include "locks/duration.h"

namespace lockkeeper::resource {
namespace {

std::string_view view(const rapidjson::Value& text) {
  return {text.GetString(), text.GetStringLength()};
}

// Concourse passes numbers through a float64, so that only whole ones up to 2^53 arrive as they were written.
bool whole(const rapidjson::Value& value) {
  return value.IsInt64() && std::abs(value.GetInt64()) <= (std::int64_t{1} << 53);
}

}  // namespace

void Member::refuse(const std::string& why) const {
  throw PayloadError(path_ + " " + why);
}

std::string Member::text() const {
  if (value_.IsNumber() || value_.IsBool()) refuse("must be a text: write it in quotes");
  if (!value_.IsString()) refuse("must be a text");
  return std::string(view(value_));
}

bool Member::is_flag() const {
  return value_.IsBool() || (value_.IsString() && (view(value_) == "true" || view(value_) == "false"));
}

bool Member::flag() const {
  if (!is_flag()) refuse("must be true or false");
  return value_.IsBool() ? value_.GetBool() : view(value_) == "true";
}

std::chrono::milliseconds Member::duration() const {
  std::string text;
  if (value_.IsInt64()) {
    text = std::to_string(value_.GetInt64());
  } else if (value_.IsNumber()) {
    text = std::to_string(value_.GetDouble());
  } else if (value_.IsString()) {
    text = std::string(view(value_));
  } else {
    refuse("must be a duration with units, like \"90s\", \"10m\" or \"1h30m\"");
  }
  const auto parsed = locks::parse_duration(text);
  if (const auto* duration = std::get_if<std::chrono::milliseconds>(&parsed)) {
    if (duration->count() > 0) return *duration;
    refuse("must be longer than nothing");
  }
  const bool number = text.find_first_not_of("0123456789.") == std::string::npos;  // no secret looks like that
  if (number && !text.empty()) refuse("is no duration: " + std::get<locks::DurationFault>(parsed).text);
  refuse("is no duration: write it with units, like \"90s\", \"10m\" or \"1h30m\"");
}

locks::Metadata Member::texts() const {
  if (!value_.IsObject()) refuse("must be a map of texts");
  locks::Metadata result;
  for (const auto& one : value_.GetObject()) {
    const std::string name(view(one.name));
    if (one.value.IsNull()) continue;
    if (one.value.IsString()) {
      result.emplace_back(name, view(one.value));
    } else if (one.value.IsBool()) {
      result.emplace_back(name, one.value.GetBool() ? "true" : "false");
    } else if (whole(one.value)) {
      result.emplace_back(name, std::to_string(one.value.GetInt64()));
    } else {
      Member(path_ + "." + name, one.value).refuse("must be a text: write it in quotes");
    }
  }
  return result;
}

std::size_t Member::choice(std::initializer_list<std::string_view> allowed) const {
  std::string list;
  std::size_t index = 0;
  for (const std::string_view one : allowed) {
    if (value_.IsString() && view(value_) == one) return index;
    list += (index == 0 ? "" : index + 1 == allowed.size() ? " or " : ", ") + std::string(one);
    ++index;
  }
  refuse("must be " + list);
}

void refuse_unknown(std::string_view where, std::string_view name, const std::string& allowed) {
  throw PayloadError(std::string(where) + " has an unknown field \"" + std::string(name.substr(0, 64)) +
                     "\"; allowed are " + (allowed.empty() ? "none" : allowed));
}

}  // namespace lockkeeper::resource
