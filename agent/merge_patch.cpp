#include "agent/merge_patch.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <charconv>
#include <cstdint>
#include <system_error>

namespace lockkeeper::agent {
namespace {

constexpr unsigned kDeepest = 200;

// Builds the document, with numbers as exact as they can be: they go back to their owner.
class Builder {
 public:
  explicit Builder(rapidjson::Document& document) : document_(document) {}

  bool Null() { return document_.Null(); }
  bool Bool(bool value) { return document_.Bool(value); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const char* end = text + size;
    std::int64_t whole = 0;
    if (const auto read = std::from_chars(text, end, whole); read.ec == std::errc() && read.ptr == end) {
      return document_.Int64(whole);
    }
    std::uint64_t large = 0;
    if (const auto read = std::from_chars(text, end, large); read.ec == std::errc() && read.ptr == end) {
      return document_.Uint64(large);
    }
    double number = 0;
    const auto read = std::from_chars(text, end, number);
    return read.ec == std::errc() && document_.Double(number);
  }
  bool String(const char* text, rapidjson::SizeType size, bool copy) { return document_.String(text, size, copy); }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) { return document_.Key(text, size, copy); }
  bool StartObject() { return ++depth_ <= kDeepest && document_.StartObject(); }
  bool EndObject(rapidjson::SizeType members) { return --depth_, document_.EndObject(members); }
  bool StartArray() { return ++depth_ <= kDeepest && document_.StartArray(); }
  bool EndArray(rapidjson::SizeType elements) { return --depth_, document_.EndArray(elements); }
  // The reader wants these; with numbers as texts it calls none of them.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

 private:
  rapidjson::Document& document_;
  unsigned depth_ = 0;
};

}  // namespace

bool parse_json(std::string_view text, rapidjson::Document& document) {
  bool whole = false;
  auto parse = [&](rapidjson::Document& into) {
    rapidjson::MemoryStream bytes(text.data(), text.size());
    Builder builder(into);
    rapidjson::Reader reader;
    constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
    whole = !reader.Parse<flags>(bytes, builder).IsError();
    return whole;
  };
  document.Populate(parse);
  return whole;
}

std::string json_text(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

void merge(rapidjson::Value& target, const rapidjson::Value& patch, rapidjson::Document::AllocatorType& memory) {
  if (!patch.IsObject()) {
    target.CopyFrom(patch, memory);
    return;
  }
  if (!target.IsObject()) target.SetObject();
  for (const auto& member : patch.GetObject()) {
    const auto at = target.FindMember(member.name);
    if (member.value.IsNull()) {
      if (at != target.MemberEnd()) target.EraseMember(at);
    } else if (at != target.MemberEnd()) {
      merge(at->value, member.value, memory);
    } else {
      rapidjson::Value fresh;
      merge(fresh, member.value, memory);  // nulls within are left out as well
      target.AddMember(rapidjson::Value(member.name, memory), fresh, memory);
    }
  }
}

}  // namespace lockkeeper::agent
