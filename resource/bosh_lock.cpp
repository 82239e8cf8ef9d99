#include "resource/bosh_lock.h"

#include <rapidjson/document.h>

#include <charconv>
#include <optional>

namespace lockkeeper::resource {
namespace {

std::string name_in(const std::string& info) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(info.data(), info.size());
  if (document.HasParseError() || !document.IsObject()) return {};
  const auto at = document.FindMember("name");
  if (at == document.MemberEnd() || !at->value.IsString()) return {};
  return {at->value.GetString(), at->value.GetStringLength()};
}

std::optional<std::chrono::seconds> seconds_in(const std::string& retry_after) {
  unsigned seconds = 0;
  const auto [end, fault] = std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  if (fault != std::errc() || end != retry_after.data() + retry_after.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

std::string lock_name(Stage& stage, const Source& source, Patience& patience) {
  if (source.bosh_lock.empty()) return source.lock_name;
  std::string director = http::without_userinfo(source.bosh_lock);
  while (!director.empty() && director.back() == '/') director.pop_back();
  http::ClientSettings settings;
  settings.ca_cert = source.bosh_ca_cert;
  settings.skip_ssl_validation = source.bosh_ca_cert.empty();
  settings.answer_bytes = 1024 * 1024;
  return patience.ask(director, [&](std::chrono::milliseconds timeout) {
    http::ClientRequest request;
    request.url = director + "/info";
    request.timeout = timeout;
    const http::ClientResponse response = stage.fetch(settings, request);
    if (response.status != 200) {
      throw client::ServerError(response.status, director + "/info answered " + std::to_string(response.status),
                                seconds_in(response.retry_after));
    }
    std::string name = name_in(response.body);
    if (name.empty()) throw StepFailed(director + "/info tells no name of a BOSH director");
    return name;
  });
}

}  // namespace lockkeeper::resource
