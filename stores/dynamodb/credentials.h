// Who signs requests: the AWS_* variables, or a profile of the file that AWS's own tools read.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace lockkeeper::stores::dynamodb {

struct Credentials {
  std::string key_id;
  std::string secret;  // secret
  std::string token;   // of a session, secret; empty: none
};

// A variable's value; "": it is not set.
using Environment = std::function<std::string(const char* name)>;
std::string process_environment(const char* name);

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; otherwise the profile AWS_PROFILE ("default") of
// AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials). Throws StoreError, which says what was looked for and no
// secret.
Credentials find_credentials(const Environment& environment);

// AWS_REGION, or AWS_DEFAULT_REGION; "": neither is set.
std::string find_region(const Environment& environment);

// What a profile says, by AWS's names (region, aws_access_key_id ...), in AWS_CONFIG_FILE (~/.aws/config), where
// its section is [profile NAME] unless it is the profile `default`, and in AWS_SHARED_CREDENTIALS_FILE, which
// counts more. nullopt: it is in neither.
std::optional<std::map<std::string, std::string>> read_profile(const Environment& environment,
                                                               const std::string& name);

}  // namespace lockkeeper::stores::dynamodb
