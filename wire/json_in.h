// Parses a text into a RapidJSON tree, iteratively and with checked access: what is not there or of another type
// is a WireError that names the member. Private to the folder; for texts that we or a server of ours wrote, and
// for answers of servers, not for bodies of requests (lock_body.cpp).
#pragma once

#include <rapidjson/document.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "locks/time.h"

namespace lockkeeper::wire {

using JsonValue = rapidjson::Value;

// The tree, and the object at its top.
class JsonTree {
 public:
  explicit JsonTree(std::string_view text);  // throws WireError unless it is one JSON object
  JsonTree(const JsonTree&) = delete;
  JsonTree& operator=(const JsonTree&) = delete;

  const JsonValue& top() const { return document_; }

 private:
  // A record's head or row fits in here: no allocation for the million of them that a start may read.
  alignas(std::max_align_t) std::array<char, 4096> first_chunk_;
  rapidjson::MemoryPoolAllocator<> allocator_;
  rapidjson::Document document_;
};

// nullptr: absent or null. `object` must be an object.
const JsonValue* find(const JsonValue& object, std::string_view name);

// Throws unless the value is an object or array.
const JsonValue& object(const JsonValue& value, const char* what);
const JsonValue& array(const JsonValue& value, const char* what);

// Members: the first group throws when absent, the second has an answer for that. All throw on a wrong type.
std::string need_text(const JsonValue& object, const char* name);
std::uint64_t need_number(const JsonValue& object, const char* name);
std::string text_or_empty(const JsonValue& object, const char* name);
std::uint64_t number_or(const JsonValue& object, const char* name, std::uint64_t otherwise);
bool flag(const JsonValue& object, const char* name);

// Milliseconds since the epoch, as records keep times.
locks::WallTime need_milliseconds(const JsonValue& object, const char* name);

std::string text_of(const JsonValue& value, const char* what);

[[noreturn]] void wrong(const std::string& what);

}  // namespace lockkeeper::wire
