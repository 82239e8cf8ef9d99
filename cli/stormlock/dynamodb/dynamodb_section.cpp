#include "cli/stormlock/dynamodb/dynamodb_section.h"

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <map>
#include <optional>

#include "cli/stormlock/dynamodb/role_credentials.h"
#include "http/client.h"

namespace lockkeeper::cli::stormlock {
namespace {

using stores::dynamodb::Credentials;
using stores::dynamodb::Environment;
using Profile = std::map<std::string, std::string>;

std::string first(std::initializer_list<std::string> candidates) {
  for (const std::string& each : candidates) {
    if (!each.empty()) return each;
  }
  return {};
}

std::string in(const Profile& profile, const std::string& name) {
  const auto found = profile.find(name);
  return found == profile.end() ? std::string() : found->second;
}

class Reader {
 public:
  Reader(const Section& section, const Environment& environment) : section_(section), environment_(environment) {
    const std::string named = first({section.get("profile", ""), environment("AWS_PROFILE")});
    profile_name_ = named.empty() ? "default" : named;
    const auto profile = stores::dynamodb::read_profile(environment, profile_name_);
    if (!profile && !named.empty()) {
      wrong("the profile " + named + " is neither in AWS's credentials file nor in its config file");
    }
    profile_ = profile.value_or(Profile());
  }

  DynamoSection read() const {
    DynamoSection read;
    read.table = first({section_.get("table", ""), "stormlock"});
    read.connection.region = region();
    read.connection.endpoint = endpoint(read.connection.region);
    read.connection.credentials = credentials();
    read.connection.ca = authorities();
    return read;
  }

 private:
  [[noreturn]] void wrong(const std::string& what) const { throw ConfigError(section_.called() + ": " + what); }

  [[noreturn]] void not_done(const std::string& what) const {
    wrong(what +
          ", which this program does not do: put keys into the environment (aws configure export-credentials "
          "--format "
          "env)");
  }

  std::string region() const {
    std::string region = first({section_.get("region", ""), environment_("AWS_DEFAULT_REGION"),
                                in(profile_, "region"), environment_("AWS_REGION")});
    if (region.empty()) {
      wrong("no region: neither the key region, nor AWS_DEFAULT_REGION, nor the profile " + profile_name_ +
            " of AWS's config file says one");
    }
    if (!std::all_of(region.begin(), region.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; })) {
      wrong("the region is none");
    }
    return region;
  }

  std::string endpoint(const std::string& region) const {
    std::string endpoint =
        first({section_.get("endpoint", ""), environment_("AWS_ENDPOINT_URL_DYNAMODB"),
               environment_("AWS_ENDPOINT_URL"), in(profile_, "endpoint_url"),
               "https://dynamodb." + region + ".amazonaws.com" + (region.starts_with("cn-") ? ".cn" : "")});
    while (endpoint.ends_with('/')) endpoint.pop_back();
    try {
      http::require_base_url(endpoint);
    } catch (const http::HttpError&) {
      wrong("the endpoint is no http:// or https:// URL");
    }
    if (endpoint.find('@') != std::string::npos) wrong("the endpoint holds a user");
    return endpoint;
  }

  Credentials credentials() const {
    const Credentials own{section_.get("access_key_id", ""), section_.get("secret_access_key", ""), ""};
    if (own.key_id.empty() != own.secret.empty()) {
      wrong(own.secret.empty() ? "access_key_id is there without secret_access_key"
                               : "secret_access_key is there without access_key_id");
    }
    if (!own.key_id.empty()) return own;
    const Credentials set{environment_("AWS_ACCESS_KEY_ID"), environment_("AWS_SECRET_ACCESS_KEY"),
                          environment_("AWS_SESSION_TOKEN")};
    if (section_.get("profile", "").empty() && !set.key_id.empty()) {
      if (set.secret.empty()) wrong("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY");
      return set;
    }
    // boto3 would let these go first, and be somebody else.
    for (const char* other : {"role_arn", "web_identity_token_file", "sso_session", "sso_start_url"}) {
      if (!in(profile_, other).empty()) not_done("the profile " + profile_name_ + " gets its keys by " + other);
    }
    if (!environment_("AWS_WEB_IDENTITY_TOKEN_FILE").empty()) not_done("AWS_WEB_IDENTITY_TOKEN_FILE is set");
    const Credentials shared{in(profile_, "aws_access_key_id"), in(profile_, "aws_secret_access_key"),
                             in(profile_, "aws_session_token")};
    if (!shared.key_id.empty() && !shared.secret.empty()) return shared;
    if (!in(profile_, "credential_process").empty()) {
      not_done("the profile " + profile_name_ + " gets its keys by credential_process");
    }
    if (const auto role = role_credentials(environment_)) return *role;
    wrong(
        "no credentials: neither access_key_id and secret_access_key, nor AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, nor the profile " +
        profile_name_ + " of AWS's credentials file has any, nor has this machine a role");
  }

  std::string authorities() const {
    const std::string path = first({environment_("AWS_CA_BUNDLE"), in(profile_, "ca_bundle")});
    if (path.empty()) return {};
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty()) wrong("cannot read " + path + ", which AWS_CA_BUNDLE or ca_bundle names");
    return text;
  }

  const Section& section_;
  const Environment& environment_;
  std::string profile_name_;
  Profile profile_;
};

}  // namespace

DynamoSection dynamo_section(const Section& section, const Environment& environment) {
  return Reader(section, environment).read();
}

}  // namespace lockkeeper::cli::stormlock
