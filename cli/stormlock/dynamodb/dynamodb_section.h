// What [backend.dynamodb] says, completed as boto3 does: first the section itself, then (for credentials, unless
// the section names a profile) the environment, then AWS's shared files.
//
//   table      stormlock
//   endpoint   AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL, the profile's endpoint_url, DynamoDB's of the region
//   region     AWS_DEFAULT_REGION, the profile's, AWS_REGION (which boto3 does not read: so it comes last)
//   profile    AWS_PROFILE, default
//   access_key_id, secret_access_key
//              AWS_ACCESS_KEY_ID ..., the profile's
//
// AWS_CA_BUNDLE, or the profile's ca_bundle, is a file of authorities instead of the system's.
#pragma once

#include <string>

#include "cli/stormlock/section.h"
#include "stores/dynamodb/client.h"

namespace lockkeeper::cli::stormlock {

struct DynamoSection {
  stores::dynamodb::Connection connection;
  std::string table;
};

// Throws ConfigError and BackendError, which show no secret.
DynamoSection dynamo_section(const Section& section, const stores::dynamodb::Environment& environment);

}  // namespace lockkeeper::cli::stormlock
