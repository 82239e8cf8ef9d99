#include "server/doors/lockd_request.h"

#include <utility>
#include <vector>

#include "locks/duration.h"
#include "server/target.h"
#include "wire/lockd_body.h"

namespace lockkeeper::server {
namespace {

constexpr std::size_t name_bytes = 128;
constexpr const char* no_name =
    "Key: 'LockRequest.Name' Error:Field validation for 'Name' failed on the 'required' tag";

using Fault = std::optional<std::string>;

bool of_a_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '$' || c == '-' ||
         c == '_' || c == '.';
}

Fault path_name_fault(std::string_view name) {
  if (name.size() > name_bytes) {
    return "Name is too long (" + std::to_string(name.size()) + " bytes > max of " + std::to_string(name_bytes) +
           ")";
  }
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (of_a_name(name[at])) continue;
    return "Name contains non-printable/non-ascii byte " + std::to_string(static_cast<unsigned char>(name[at])) +
           " at offset " + std::to_string(at);
  }
  return std::nullopt;
}

Fault take_duration(const http::Request& request, const char* header,
                    std::optional<std::chrono::milliseconds>& to) {
  const std::string_view text = request.header(header);
  if (text.empty()) return std::nullopt;
  auto parsed = locks::parse_duration(text);
  if (const auto* fault = std::get_if<locks::DurationFault>(&parsed))
    return std::string(header) + ": " + fault->text;
  to = std::get<std::chrono::milliseconds>(parsed);
  return std::nullopt;
}

// An empty header is none. What a body says too, the header has the last word on.
Fault take_headers(const http::Request& request, LockdQuestion& question) {
  LockdRequest& to = question.request;
  for (const char* name : {"Lock-Client-Id", "Lock-Request-Id", "Lock-Wait", "Lock-Ttl", "Lock-Override"}) {
    if (!request.header(name).empty()) question.ours = true;
  }
  if (!question.ours) return lockd_fault(question.act, to);
  if (const auto id = request.header("Lock-Client-Id"); !id.empty()) to.client_id = id;
  if (const auto id = request.header("Lock-Request-Id"); !id.empty()) to.request_id = id;
  if (auto fault = take_duration(request, "Lock-Wait", to.wait)) return fault;
  if (auto fault = take_duration(request, "Lock-Ttl", to.ttl)) return fault;
  if (const auto text = request.header("Lock-Override"); !text.empty()) {
    if (text != "true" && text != "false") return "Lock-Override is neither true nor false";
    to.overrides = text == "true";
  }
  return lockd_fault(question.act, to);
}

std::variant<LockdQuestion, std::string> with_headers(LockdQuestion question, const http::Request& request) {
  if (auto fault = take_headers(request, question)) return std::move(*fault);
  return question;
}

// The values of that name in a form or a query, in their order; nullopt: a bad escape somewhere.
std::optional<std::vector<std::string>> form_values(std::string_view form, std::string_view name) {
  std::vector<std::string> values;
  while (!form.empty()) {
    const auto end = form.find('&');
    const auto pair = form.substr(0, end);
    form.remove_prefix(end == std::string_view::npos ? form.size() : end + 1);
    const auto equals = pair.find('=');
    const auto key = query_decode(pair.substr(0, equals));
    const auto value =
        query_decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!key || !value) return std::nullopt;
    if (*key == name) values.push_back(*value);
  }
  return values;
}

std::string_view media_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find_first_of("; "));
  return content_type;
}

// The body before the query, and of each the first.
std::variant<wire::LockdBody, std::string> form_body(std::string_view body, std::string_view query) {
  for (const std::string_view form : {body, query}) {
    const auto names = form_values(form, "name");
    if (!names) return "the form has a bad percent escape";
    if (names->empty()) continue;
    wire::LockdBody fields;
    fields.name = names->front();
    return fields;
  }
  return wire::LockdBody{};
}

// As the original chose: without a type it knows, the body is not looked at, but the query is.
std::variant<wire::LockdBody, std::string> body_fields(std::string_view query, const http::Request& request) {
  const std::string_view type = media_type(request.header("Content-Type"));
  if (type == "application/json") return wire::parse_lockd_json(request.body());
  if (type == "application/xml" || type == "text/xml") return wire::parse_lockd_xml(request.body());
  const bool form = type == "application/x-www-form-urlencoded";
  return form_body(form ? request.body() : std::string_view(), query);
}

}  // namespace

std::optional<std::string> lockd_path(std::string_view path) {
  auto decoded = percent_decode(path);
  if (!decoded) return std::nullopt;
  std::vector<std::string_view> parts;
  std::string_view rest = *decoded;
  while (!rest.empty()) {
    const auto end = rest.find('/');
    const auto part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string cleaned;
  for (const auto part : parts) (cleaned += '/') += part;
  if (cleaned.empty() || decoded->ends_with('/') || decoded->ends_with("/.")) cleaned += '/';
  return cleaned;
}

std::variant<LockdQuestion, std::string> lockd_question(LockdAct act, std::string_view name,
                                                        const http::Request& request) {
  LockdQuestion question{act, LockdApi::name_in_path, false, {}};
  question.request.name = name;
  if (auto fault = path_name_fault(name)) return std::move(*fault);
  return with_headers(std::move(question), request);
}

std::variant<LockdQuestion, std::string> old_lockd_question(LockdAct act, std::string_view query,
                                                            const http::Request& request) {
  LockdQuestion question{act, LockdApi::name_in_body, false, {}};
  if (act == LockdAct::is_locked) {
    const auto names = form_values(query, "name");
    if (!names || names->size() != 1) return "GET /api/lock?name=... needs exactly 1 name parameter";
    question.request.name = names->front();
    return with_headers(std::move(question), request);
  }
  auto parsed = body_fields(query, request);
  if (auto* fault = std::get_if<std::string>(&parsed)) return std::move(*fault);
  auto& fields = std::get<wire::LockdBody>(parsed);
  if (fields.name.empty()) return no_name;
  question.ours = fields.ours;
  question.request = {
      std::move(fields.name), std::move(fields.client_id), std::move(fields.request_id), fields.wait, fields.ttl,
      fields.overrides};
  return with_headers(std::move(question), request);
}

}  // namespace lockkeeper::server
