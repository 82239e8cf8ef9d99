// One field of source or params, read with checks. Private to the folder: it shows RapidJSON.
#pragma once

#include <rapidjson/document.h>

#include <array>
#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

#include "locks/record.h"
#include "resource/payload.h"

namespace lockkeeper::resource {

class Member {
 public:
  // `path`: "source.locker_uri". The value is neither absent, nor null, nor an empty text.
  Member(std::string path, const rapidjson::Value& value) : path_(std::move(path)), value_(value) {}

  std::string text() const;
  bool flag() const;  // true, false, "true", "false"
  bool is_flag() const;
  std::chrono::milliseconds duration() const;  // longer than nothing
  locks::Metadata texts() const;               // an object of texts, whole numbers and booleans
  std::size_t choice(std::initializer_list<std::string_view> allowed) const;  // its index

  [[noreturn]] void refuse(const std::string& why) const;  // throws PayloadError "<path> <why>"

 private:
  std::string path_;
  const rapidjson::Value& value_;
};

template <class Target>
struct Field {
  std::string_view name;
  void (*read)(Target& target, const Member& member);
};

[[noreturn]] void refuse_unknown(std::string_view where, std::string_view name, const std::string& allowed);

// Reads every member of `object` (absent, null or an object) by the table.
template <class Target, std::size_t N>
void read_fields(const rapidjson::Value* object, std::string_view where, const std::array<Field<Target>, N>& fields,
                 Target& target) {
  if (object == nullptr || object->IsNull()) return;
  if (!object->IsObject()) throw PayloadError(std::string(where) + " must be a map of fields");
  for (const auto& one : object->GetObject()) {
    const std::string_view name(one.name.GetString(), one.name.GetStringLength());
    const Field<Target>* known = nullptr;
    for (const Field<Target>& field : fields) {
      if (field.name == name) known = &field;
    }
    if (known == nullptr) {
      std::string allowed;
      for (const Field<Target>& field : fields) allowed += (allowed.empty() ? "" : ", ") + std::string(field.name);
      refuse_unknown(where, name, allowed);
    }
    const bool absent = one.value.IsNull() || (one.value.IsString() && one.value.GetStringLength() == 0);
    if (!absent) known->read(target, Member(std::string(where) + "." + std::string(name), one.value));
  }
}

}  // namespace lockkeeper::resource
