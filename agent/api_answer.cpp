// What an answer of a Kubernetes API server, or of an Argo Server, means.
#include <rapidjson/document.h>

#include "agent/endpoint.h"
#include "agent/shown_text.h"
#include "client/retry_after.h"

namespace lockkeeper::agent {

namespace {

using Kind = ApiAnswer::Kind;
using Value = rapidjson::Value;

constexpr std::size_t most_message_bytes = 1000;
constexpr std::size_t most_error_body = 256 * 1024;  // no error of a server is longer
constexpr unsigned argo_not_found = 5;               // gRPC's code

// {"kind":"Status", "reason":.., "message":.., "details":{"kind":.., "retryAfterSeconds":..}} or
// {"code":5, "message":..}; whatever is not there is empty.
struct Failure {
  std::string reason, message, details_kind;
  unsigned code = 0;
  std::optional<std::chrono::seconds> retry_after;
};

const Value* find(const Value& object, const char* name) {
  const auto member = object.FindMember(name);
  return member == object.MemberEnd() ? nullptr : &member->value;
}

std::string text(const Value& object, const char* name) {
  const Value* value = find(object, name);
  return value && value->IsString() ? std::string(value->GetString(), value->GetStringLength()) : std::string();
}

Failure read_failure(const std::string& body) {
  Failure failure;
  if (body.size() > most_error_body) return failure;
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  if (document.HasParseError() || !document.IsObject()) return failure;
  failure.reason = text(document, "reason");
  failure.message = text(document, "message");
  const Value* code = find(document, "code");
  if (code && code->IsUint()) failure.code = code->GetUint();
  const Value* details = find(document, "details");
  if (details && details->IsObject()) {
    failure.details_kind = text(*details, "kind");
    const Value* seconds = find(*details, "retryAfterSeconds");
    if (seconds && seconds->IsUint() && seconds->GetUint() > 0) failure.retry_after.emplace(seconds->GetUint());
  }
  return failure;
}

bool holds(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

bool passes(const Failure& failure) {
  for (const char* reason : {"ServerTimeout", "Timeout", "TooManyRequests", "InternalError"}) {
    if (failure.reason == reason) return true;
  }
  return false;
}

Kind kind_of(unsigned status, const Failure& failure) {
  if (status == 413 || (status == 500 && holds(failure.message, "request is too large"))) return Kind::too_large;
  if (status == 401) return Kind::unauthorized;
  if (status == 409) return Kind::conflict;
  if (status == 404) {
    return failure.details_kind == "workflows" || failure.code == argo_not_found ? Kind::absent : Kind::no_such_api;
  }
  if (status == 408 || status == 429 || status >= 500 || passes(failure)) return Kind::busy;
  if (status == 403) return holds(failure.message, "exceeded quota") ? Kind::busy : Kind::forbidden;
  return Kind::rejected;
}

std::string sentence(unsigned status, const Failure& failure, const std::string& body) {
  const std::string start = "the server answered " + std::to_string(status);
  if (status >= 300 && status < 400) return start + ", a redirect, which is not followed";
  std::string why = failure.message.empty() ? failure.reason : failure.message;
  if (why.empty()) why = body;
  why = shown_text(why, most_message_bytes);
  while (why.ends_with(' ')) why.pop_back();
  return why.empty() ? start : start + ": " + why;
}

}  // namespace

ApiAnswer read_answer(http::ClientResponse response, std::chrono::sys_seconds now) {
  ApiAnswer answer;
  answer.status = response.status;
  if (response.status >= 200 && response.status < 300) {
    answer.kind = Kind::ok;
    answer.body = std::move(response.body);
    return answer;
  }
  const Failure failure = read_failure(response.body);
  answer.kind = kind_of(response.status, failure);
  answer.message = sentence(response.status, failure, response.body);
  if (answer.kind == Kind::busy) {
    answer.retry_after = client::parse_retry_after(response.retry_after, now);
    if (!answer.retry_after) answer.retry_after = failure.retry_after;
  }
  return answer;
}

}  // namespace lockkeeper::agent
