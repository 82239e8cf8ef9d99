#include "stores/dynamodb/settings.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "engine/store_error.h"
#include "http/client.h"

namespace lockkeeper::stores::dynamodb {
namespace {

using std::chrono::milliseconds;

[[noreturn]] void wrong(const std::string& what) {
  throw engine::StoreError("dynamodb: " + what);
}

// Its host is the table's name.
std::string table_of(const StoreUrl& url) {
  if (!url.user.empty() || !url.password.empty()) {
    wrong("no user stands in the URL: credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }
  const bool alone = url.hosts.size() == 1 && url.hosts[0].port == 0 && url.path.empty();
  const std::string table = url.hosts.empty() ? "" : url.hosts[0].host;
  const bool valid =
      table.size() >= 3 && table.size() <= 255 && std::all_of(table.begin(), table.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
      });
  if (!alone || !valid) wrong("the URL is dynamodb://TABLE?..., a name of 3 to 255 letters, digits, _, - and .");
  return table;
}

std::string region_of(StoreOptions& options, const Environment& environment) {
  std::string region = options.text("region", find_region(environment));
  if (region.empty() && options.has("endpoint")) return "us-east-1";
  if (region.empty()) wrong("no region: neither the option region nor AWS_REGION says one");
  if (!std::all_of(region.begin(), region.end(),
                   [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; })) {
    wrong("the option region is none");
  }
  return region;
}

std::string endpoint_of(StoreOptions& options, const std::string& region) {
  const std::string usual =
      "https://dynamodb." + region + ".amazonaws.com" + (region.starts_with("cn-") ? ".cn" : "");
  std::string endpoint = options.text("endpoint", usual);
  while (endpoint.ends_with('/')) endpoint.pop_back();
  try {
    http::require_base_url(endpoint);
  } catch (const http::HttpError&) {
    wrong("the option endpoint is no http:// or https:// URL");
  }
  if (endpoint.find('@') != std::string::npos) wrong("the option endpoint holds a user");
  return endpoint;
}

std::string text_of_file(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) wrong("cannot read the file of the option ca: " + path);
  return text.str();
}

}  // namespace

DynamoSettings read_settings(const StoreUrl& url, const Environment& environment) {
  DynamoSettings settings;
  settings.table = table_of(url);
  StoreOptions options(url);
  settings.connection.region = region_of(options, environment);
  settings.connection.endpoint = endpoint_of(options, settings.connection.region);
  settings.connection.ca = text_of_file(options.text("ca", ""));
  settings.create = options.flag("create", settings.create);
  settings.connections = options.number("connections", settings.connections, 1, 256);
  settings.timeout = options.duration("timeout", settings.timeout, milliseconds(10));
  settings.connect_timeout = options.duration("connect_timeout", settings.connect_timeout, milliseconds(10));
  settings.poll = options.duration("poll", settings.poll, milliseconds(10));
  settings.round = options.duration("round", settings.round, milliseconds(0));
  options.finish();
  settings.connection.credentials = find_credentials(environment);
  return settings;
}

}  // namespace lockkeeper::stores::dynamodb
