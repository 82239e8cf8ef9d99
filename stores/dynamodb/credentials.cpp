#include "stores/dynamodb/credentials.h"

#include <cstdlib>
#include <fstream>
#include <string_view>

#include "engine/store_error.h"

namespace lockkeeper::stores::dynamodb {
namespace {

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

// [profile], then name = value a line.
Credentials from_file(const std::string& path, const std::string& profile) {
  std::ifstream file(path);
  Credentials found;
  bool within = false;
  for (std::string line; std::getline(file, line);) {
    line = trimmed(line);
    if (line.starts_with('[')) within = line == "[" + profile + "]";
    const auto equals = line.find('=');
    if (!within || equals == std::string::npos) continue;
    const std::string name = trimmed(line.substr(0, equals));
    std::string* place = name == "aws_access_key_id"       ? &found.key_id
                         : name == "aws_secret_access_key" ? &found.secret
                         : name == "aws_session_token"     ? &found.token
                                                           : nullptr;
    if (place) *place = trimmed(line.substr(equals + 1));
  }
  return found;
}

}  // namespace

std::string process_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Credentials find_credentials(const Environment& environment) {
  Credentials found{environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"),
                    environment("AWS_SESSION_TOKEN")};
  if (!found.key_id.empty() && !found.secret.empty()) return found;
  std::string path = environment("AWS_SHARED_CREDENTIALS_FILE");
  if (path.empty()) path = environment("HOME") + "/.aws/credentials";
  std::string profile = environment("AWS_PROFILE");
  if (profile.empty()) profile = "default";
  found = from_file(path, profile);
  if (!found.key_id.empty() && !found.secret.empty()) return found;
  throw engine::StoreError(
      "dynamodb: no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set, and " + path +
      " has no key in its profile " + profile);
}

std::string find_region(const Environment& environment) {
  const std::string region = environment("AWS_REGION");
  return region.empty() ? environment("AWS_DEFAULT_REGION") : region;
}

}  // namespace lockkeeper::stores::dynamodb
