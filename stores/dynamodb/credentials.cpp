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

// "[profile  a]" and "[profile \"a\"]" -> "profile a"
std::string section_name(const std::string& line) {
  std::string name = trimmed(std::string_view(line).substr(1, line.find(']') - 1));
  const auto blank = name.find_first_of(" \t");
  if (blank == std::string::npos) return name;
  std::string rest = trimmed(std::string_view(name).substr(blank));
  if (rest.size() >= 2 && (rest.front() == '"' || rest.front() == '\'') && rest.back() == rest.front()) {
    rest = rest.substr(1, rest.size() - 2);
  }
  return name.substr(0, blank) + " " + rest;
}

using Settings = std::map<std::string, std::string>;

// [section], then name = value a line. What is indented below a name without a value is a table of its own.
bool read_section(const std::string& path, const std::string& section, Settings& found) {
  std::ifstream file(path);
  bool there = false, within = false, nested = false;
  for (std::string line; std::getline(file, line);) {
    const bool indented = line.starts_with(' ') || line.starts_with('\t');
    line = trimmed(line);
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[')) {
      within = section_name(line) == section;
      there = there || within;
      nested = false;
      continue;
    }
    const auto equals = line.find('=');
    if (!within || equals == std::string::npos || (indented && nested)) continue;
    const std::string value = trimmed(line.substr(equals + 1));
    nested = value.empty();
    found[trimmed(line.substr(0, equals))] = value;
  }
  return there;
}

std::string file_of(const Environment& environment, const char* variable, const char* usual) {
  const std::string path = environment(variable);
  return path.empty() ? environment("HOME") + usual : path;
}

std::string credentials_file(const Environment& environment) {
  return file_of(environment, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
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
  const std::string path = credentials_file(environment);
  std::string profile = environment("AWS_PROFILE");
  if (profile.empty()) profile = "default";
  Settings settings;
  read_section(path, profile, settings);
  found = {settings["aws_access_key_id"], settings["aws_secret_access_key"], settings["aws_session_token"]};
  if (!found.key_id.empty() && !found.secret.empty()) return found;
  throw engine::StoreError(
      "dynamodb: no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set, and " + path +
      " has no key in its profile " + profile);
}

std::optional<Settings> read_profile(const Environment& environment, const std::string& name) {
  Settings found;
  const std::string config = file_of(environment, "AWS_CONFIG_FILE", "/.aws/config");
  const bool configured = read_section(config, name == "default" ? name : "profile " + name, found);
  const bool known = read_section(credentials_file(environment), name, found);
  if (!configured && !known) return std::nullopt;
  return found;
}

std::string find_region(const Environment& environment) {
  const std::string region = environment("AWS_REGION");
  return region.empty() ? environment("AWS_DEFAULT_REGION") : region;
}

}  // namespace lockkeeper::stores::dynamodb
