#include "cli/lockctl/lock_json.h"

#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdio>
#include <optional>
#include <stdexcept>

#include "locks/duration.h"
#include "wire/time_text.h"

namespace lockkeeper::cli::lockctl {
namespace {

using std::chrono::milliseconds;

class Json {
 public:
  Json& open() {
    writer_.StartObject();
    return *this;
  }
  Json& close() {
    writer_.EndObject();
    return *this;
  }
  Json& name(const char* text) {
    writer_.Key(text);
    return *this;
  }
  Json& text(const char* member, const std::string& value) {
    name(member);
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
    return *this;
  }
  Json& text_if_any(const char* member, const std::string& value) {
    return value.empty() ? *this : text(member, value);
  }
  Json& number(const char* member, std::uint64_t value) {
    name(member);
    writer_.Uint64(value);
    return *this;
  }
  Json& boolean(const char* member, bool value) {
    name(member);
    writer_.Bool(value);
    return *this;
  }
  // An original server knows no times.
  Json& time(const char* member, locks::WallTime value) {
    return value == locks::WallTime{} ? *this : text(member, wire::time_text(value));
  }
  Json& duration(const char* member, const std::optional<milliseconds>& value) {
    return value ? text(member, locks::exact_duration(*value)) : *this;
  }
  Json& metadata(const locks::Metadata& pairs) {
    name("metadata").open();
    for (const auto& [key, value] : pairs) text(key.c_str(), value);
    return close();
  }
  template <typename Member>
  Json& array(const char* member, const std::vector<Member>& members) {
    name(member);
    writer_.StartArray();
    for (const Member& one : members) write(one);
    writer_.EndArray();
    return *this;
  }
  // `json` comes from outside: read and written anew.
  Json& member(const char* member, const std::string& json) {
    name(member);
    rapidjson::StringStream stream(json.c_str());
    rapidjson::Reader reader;
    const auto parsed = reader.Parse<rapidjson::kParseIterativeFlag>(stream, writer_);
    if (parsed.IsError()) throw std::runtime_error("the server's answer is no JSON");
    return *this;
  }

  void write(const wire::HoldView& hold) {
    open().text("holder", hold.holder).number("count", hold.count).time("since", hold.since);
    metadata(hold.metadata).close();
  }
  void write(const wire::ClaimView& claim) {
    open().text_if_any("claim", claim.claim).text("holder", claim.holder).number("count", claim.count);
    number("token", claim.token).time("since", claim.since).metadata(claim.metadata);
    duration("ttl", claim.ttl).duration("max_hold", claim.max_hold).duration("offered", claim.offered).close();
  }
  void write(const wire::WaiterView& waiter) {
    open().text_if_any("claim", waiter.claim).text("holder", waiter.holder).time("since", waiter.since);
    number("place", waiter.place).metadata(waiter.metadata).duration("ttl", waiter.ttl).close();
  }

  // U+007F to U+009F and what turns the direction of text: harmless in JSON's escapes only.
  std::string done() const {
    const std::string plain(buffer_.GetString(), buffer_.GetSize());
    std::string text;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      const auto byte = [&](std::size_t at) {
        return at < plain.size() ? static_cast<unsigned char>(plain[at]) : 0U;
      };
      unsigned code = 0;
      std::size_t length = 1;
      if (byte(i) == 0x7f) {
        code = 0x7f;
      } else if (byte(i) == 0xc2 && byte(i + 1) < 0xa0) {
        code = byte(i + 1);
        length = 2;
      } else if (byte(i) == 0xe2 && (byte(i + 1) == 0x80 || byte(i + 1) == 0x81)) {
        const unsigned point = 0x2000 | (byte(i + 1) & 0x3f) << 6 | (byte(i + 2) & 0x3f);
        const bool turns = (point >= 0x200e && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
                           (point >= 0x2066 && point <= 0x2069);
        if (turns) code = point;
        length = turns ? 3 : 1;
      }
      if (code == 0) {
        text += plain[i];
        continue;
      }
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", code);
      text += escaped;
      i += length - 1;
    }
    return text;
  }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace

std::string json_of(const wire::LockView& lock) {
  Json json;
  json.open().text("lock", lock.lock).text("state", lock.held ? "held" : "free").number("version", lock.version);
  json.number("count", lock.count).array("holders", lock.holders).array("claims", lock.claims);
  return json.array("queue", lock.queue).close().done();
}

std::string json_of(const wire::WaiterView& waiter) {
  Json json;
  json.write(waiter);
  return json.done();
}

std::string json_of(const locks::Event& event) {
  Json json;
  json.open().number("version", event.version).time("at", event.at).text("what", locks::text(event.what));
  json.text("holder", event.holder).text_if_any("claim", event.claim);
  if (event.token != 0) json.number("token", event.token);
  json.number("count", event.count).text_if_any("by", event.by).text("door", event.door);
  return json.text_if_any("reason", event.reason).text("change", event.change).close().done();
}

std::string json_of(const std::string& lock, const std::string& holder, const wire::GrantedView& granted) {
  Json json;
  json.open().text("lock", lock).text("holder", holder).text_if_any("claim", granted.claim);
  json.number("version", granted.version).number("token", granted.token).time("since", granted.since);
  json.number("count", granted.count).boolean("again", granted.again).boolean("taken_over", granted.taken_over);
  json.duration("ttl", granted.ttl).duration("max_hold", granted.max_hold).array("others", granted.others);
  return json.close().done();
}

std::string json_of(const std::string& lock, const wire::ReleasedView& released) {
  Json json;
  json.open().text("lock", lock).number("version", released.version).number("released", released.released);
  json.boolean("withdrawn", released.withdrawn).text_if_any("ended", released.ended);
  return json.array("holders", released.holders).close().done();
}

std::string json_of(const std::string& lock, const wire::DeniedView& denied) {
  Json json;
  json.open().text("error", denied.error).text("lock", lock).number("version", denied.version);
  json.text_if_any("why", denied.why).text_if_any("ended", denied.ended).array("holders", denied.holders);
  return json.close().done();
}

std::string json_of_status(const std::string& server, const std::string& version, const std::string& status) {
  Json json;
  return json.open().text("server", server).member("version", version).member("status", status).close().done();
}

std::string JsonArray::member(const std::string& json) {
  const bool first = !any_;
  any_ = true;
  return (first ? "[" : ",\n") + json;
}

}  // namespace lockkeeper::cli::lockctl
