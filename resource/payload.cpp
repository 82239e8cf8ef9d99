#include "resource/payload.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "resource/payload_member.h"

namespace lockkeeper::resource {
namespace {

using JsonValue = rapidjson::Value;

// Iterative, so that no depth of nesting meets the end of the stack.
constexpr unsigned kParse = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;

std::string web_url(const Member& member) {
  std::string url = member.text();
  const auto begins = [&](std::string_view scheme) {
    return url.size() > scheme.size() && std::equal(scheme.begin(), scheme.end(), url.begin(), [](char a, char b) {
             return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
           });
  };
  if (!begins("http://") && !begins("https://")) member.refuse("must begin with http:// or https://");
  return url;
}

const std::array<Field<Source>, 14> kSource = {{
    {"locker_uri", [](Source& s, const Member& m) { s.locker_uri = web_url(m); }},
    {"username", [](Source& s, const Member& m) { s.username = m.text(); }},
    {"password", [](Source& s, const Member& m) { s.password = m.text(); }},
    {"ca_cert", [](Source& s, const Member& m) { s.ca_cert = m.text(); }},
    {"skip_ssl_validation", [](Source& s, const Member& m) { s.skip_ssl_validation = m.flag(); }},
    {"lock_name", [](Source& s, const Member& m) { s.lock_name = m.text(); }},
    {"bosh_lock", [](Source& s, const Member& m) { s.bosh_lock = web_url(m); }},
    {"bosh_ca_cert", [](Source& s, const Member& m) { s.bosh_ca_cert = m.text(); }},
    {"concourse", [](Source& s, const Member& m) { s.concourse = m.text(); }},
    {"request_timeout", [](Source& s, const Member& m) { s.request_timeout = m.duration(); }},
    {"unlock_timeout", [](Source& s, const Member& m) { s.unlock_timeout = m.duration(); }},
    {"versions",
     [](Source& s, const Member& m) {
       s.versions = Versions(m.choice({"each", "stable"}));
     }},
    {"trigger_on",
     [](Source& s, const Member& m) {
       s.trigger_on = TriggerOn(m.choice({"any", "unlocked"}));
     }},
    {"log_level",
     [](Source& s, const Member& m) {
       s.log_level = LogLevel(m.choice({"error", "warn", "info", "debug"}));
     }},
}};

void read_holder(OutParams& params, const Member& member) {
  std::string holder = member.text();
  if (params.holder && *params.holder != holder) {
    throw PayloadError("params.lock_by, locked_by and requestor are names of one field: give one of them");
  }
  params.holder = std::move(holder);
}

void read_wait(OutParams& params, const Member& member) {
  params.wait = {};
  if (member.is_flag()) {
    params.wait.once = !member.flag();
  } else {
    params.wait.bound = member.duration();
  }
}

const std::array<Field<OutParams>, 11> kOutParams = {{
    {"lock_op",
     [](OutParams& p, const Member& m) {
       p.operation = Operation(m.choice({"lock", "unlock"}));
     }},
    {"key", [](OutParams& p, const Member& m) { p.key = m.text(); }},
    {"lock_by", read_holder},
    {"locked_by", read_holder},
    {"requestor", read_holder},
    {"wait", read_wait},
    {"ttl", [](OutParams& p, const Member& m) { p.ttl = m.duration(); }},
    {"metadata", [](OutParams& p, const Member& m) { p.metadata = m.texts(); }},
    {"any_build", [](OutParams& p, const Member& m) { p.any_build = m.flag(); }},
    {"all", [](OutParams& p, const Member& m) { p.all = m.flag(); }},
    {"from", [](OutParams& p, const Member& m) { p.from = m.text(); }},
}};

const std::array<Field<InParams>, 2> kInParams = {{
    {"skip_download", [](InParams& p, const Member& m) { p.skip_download = m.flag(); }},
    {"key", [](InParams& p, const Member& m) { p.key = m.text(); }},
}};

class Payload {
 public:
  explicit Payload(std::string_view json) {
    document_.Parse<kParse>(json.data(), json.size());
    if (document_.HasParseError() || !document_.IsObject()) {
      throw PayloadError("stdin must hold one JSON object with source, and params or version");
    }
  }

  // nullptr: absent or null
  const JsonValue* find(const char* name) const {
    const auto at = document_.FindMember(name);
    return at == document_.MemberEnd() || at->value.IsNull() ? nullptr : &at->value;
  }

  Source source() const {
    Source source;
    read_fields(find("source"), "source", kSource, source);
    if (source.locker_uri.empty()) throw PayloadError("source.locker_uri is missing");
    if (source.lock_name.empty() && source.bosh_lock.empty()) {
      throw PayloadError("source needs lock_name or bosh_lock");
    }
    if (!source.lock_name.empty() && !source.bosh_lock.empty()) {
      throw PayloadError("source.lock_name and bosh_lock exclude each other");
    }
    return source;
  }

  std::optional<GivenVersion> version() const {
    const JsonValue* object = find("version");
    if (object == nullptr) return std::nullopt;
    if (!object->IsObject()) throw PayloadError("version must be a map of texts");
    GivenVersion version;
    for (const auto& one : object->GetObject()) {
      if (!one.value.IsString()) throw PayloadError("version must be a map of texts");
      version.emplace_back(std::string(one.name.GetString(), one.name.GetStringLength()),
                           std::string(one.value.GetString(), one.value.GetStringLength()));
    }
    return version;
  }

 private:
  rapidjson::Document document_;
};

// metadata, ttl and wait are let through on an unlock: lock and unlock often share their params by a YAML anchor,
// and an `ensure` that fails for that would leave the lock held.
void check_combination(const OutParams& params, const Source& source) {
  const bool unlock = params.operation == Operation::unlock;
  if (!unlock && (params.any_build || params.all || params.from)) {
    throw PayloadError("params.any_build, all and from are for lock_op: unlock");
  }
  if (int(params.any_build) + int(params.all) + int(params.from.has_value()) > 1) {
    throw PayloadError("params.any_build, all and from exclude each other");
  }
  if (params.any_build && (!params.key || !params.holder)) {
    throw PayloadError(
        "params.any_build needs key and lock_by: without them the holder is this build, "
        "and nothing of another build's is its own");
  }
  if (params.from && params.holder) throw PayloadError("params.from brings its holder along: leave lock_by out");
  if (params.from && params.from->front() == '/') {
    throw PayloadError("params.from must be the folder of a get step, like \"prod-lock\"");
  }
  if (params.from && source.versions == Versions::stable) {
    throw PayloadError("params.from does not go with versions: stable, whose get is cached");
  }
}

}  // namespace

std::optional<locks::Version> revision(const GivenVersion& version) {
  for (const auto& [name, value] : version) {
    if (name != "revision") continue;
    locks::Version number = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (fault == std::errc() && end == value.data() + value.size()) return number;
  }
  return std::nullopt;
}

CheckRequest parse_check(std::string_view json) {
  const Payload payload(json);
  return {payload.source(), payload.version()};
}

InRequest parse_in(std::string_view json) {
  const Payload payload(json);
  InRequest request{payload.source(), payload.version().value_or(GivenVersion{}), {}};
  read_fields(payload.find("params"), "params", kInParams, request.params);
  if (request.version.empty()) throw PayloadError("version is missing");
  return request;
}

OutRequest parse_out(std::string_view json) {
  const Payload payload(json);
  OutRequest request{payload.source(), {}};
  read_fields(payload.find("params"), "params", kOutParams, request.params);
  check_combination(request.params, request.source);
  return request;
}

}  // namespace lockkeeper::resource
