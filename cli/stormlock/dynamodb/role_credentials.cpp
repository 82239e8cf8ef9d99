#include "cli/stormlock/dynamodb/role_credentials.h"

#include <arpa/inet.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "cli/stormlock/backend.h"
#include "http/client.h"

namespace lockkeeper::cli::stormlock {
namespace {

using stores::dynamodb::Credentials;
using stores::dynamodb::Environment;

constexpr std::chrono::seconds kPatience{2};  // each: on any other machine nobody answers there

http::ClientSettings settings() {
  http::ClientSettings settings;
  settings.connect_timeout = kPatience;
  settings.answer_bytes = 64 * 1024;
  return settings;
}

std::string ask(http::Client& client, const char* method, const std::string& url, const std::string& header,
                const std::string& value) {
  http::ClientRequest request;
  request.method = method;
  request.url = url;
  request.timeout = kPatience;
  if (!value.empty()) request.headers.emplace_back(header, value);
  http::ClientResponse response = client.send(request, nullptr);
  if (response.status == 200) return std::move(response.body);
  throw BackendError("DynamoDB: no keys from " + url + ": status " + std::to_string(response.status));
}

Credentials parse(const std::string& url, const std::string& text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  const auto member = [&](const char* name) -> std::string {
    if (document.HasParseError() || !document.IsObject()) return {};
    const auto found = document.FindMember(name);
    if (found == document.MemberEnd() || !found->value.IsString()) return {};
    return {found->value.GetString(), found->value.GetStringLength()};
  };
  Credentials found{member("AccessKeyId"), member("SecretAccessKey"), member("Token")};
  if (found.key_id.empty() || found.secret.empty()) throw BackendError("DynamoDB: no keys from " + url);
  return found;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw BackendError("DynamoDB: cannot read " + path);
  return line;
}

// This machine, or what is linked to it: loopback, link-local, and the address of EKS, fd00:ec2::23.
bool is_near(const std::string& host) {
  if (host == "localhost") return true;
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) {
    return bytes[0] == 127 || (bytes[0] == 169 && bytes[1] == 254);
  }
  if (inet_pton(AF_INET6, host.c_str(), bytes.data()) != 1) return false;
  std::array<unsigned char, 16> loopback{};
  loopback[15] = 1;
  const std::array<unsigned char, 16> eks{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23};
  return bytes == loopback || bytes == eks || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

// "http://HOST[:PORT][/...]" and nothing that two readers may read differently.
bool is_near_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) return false;
  url.remove_prefix(scheme.size());
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  if (authority.find_first_of("@\\% \t") != std::string_view::npos) return false;
  if (authority.starts_with('[')) return is_near(std::string(authority.substr(1, authority.find(']') - 1)));
  return is_near(std::string(authority.substr(0, authority.find(':'))));
}

// Whoever is asked is told the token, and believed.
std::string container_url(const Environment& environment) {
  constexpr const char* kRelative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
  constexpr const char* kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
  const std::string relative = environment(kRelative);
  if (!relative.empty() && relative.front() != '/') {
    throw BackendError(std::string("DynamoDB: ") + kRelative + " does not begin with /");
  }
  if (!relative.empty()) return "http://169.254.170.2" + relative;
  std::string full = environment(kFull);
  if (full.empty() || full.starts_with("https://") || is_near_url(full)) return full;
  throw BackendError(std::string("DynamoDB: ") + kFull +
                     " is neither https:// nor http:// to a loopback or link-local address");
}

std::optional<Credentials> of_container(const Environment& environment) {
  const std::string url = container_url(environment);
  if (url.empty()) return std::nullopt;
  std::string token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const std::string file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) token = first_line(file);
  http::Client client(settings());
  return parse(url, ask(client, "GET", url, "Authorization", token));
}

std::optional<Credentials> of_instance(const Environment& environment) {
  const std::string disabled = environment("AWS_EC2_METADATA_DISABLED");
  if (disabled == "true" || disabled == "True" || disabled == "TRUE") return std::nullopt;
  std::string base = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (base.empty()) base = "http://169.254.169.254";
  while (base.ends_with('/')) base.pop_back();
  http::Client client(settings());
  std::string token;
  try {
    token = ask(client, "PUT", base + "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60");
  } catch (const http::HttpError&) {
    return std::nullopt;
  }
  const std::string roles = base + "/latest/meta-data/iam/security-credentials/";
  const std::string header = "X-aws-ec2-metadata-token";
  std::string role = ask(client, "GET", roles, header, token);
  role.resize(std::min(role.size(), role.find('\n')));
  return parse(roles + role, ask(client, "GET", roles + role, header, token));
}

}  // namespace

std::optional<Credentials> role_credentials(const Environment& environment) {
  try {
    if (auto found = of_container(environment)) return found;
    return of_instance(environment);
  } catch (const http::HttpError& error) {
    throw BackendError(std::string("DynamoDB: no keys for this machine's role: ") + error.what());
  }
}

}  // namespace lockkeeper::cli::stormlock
