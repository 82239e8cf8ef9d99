// Keys that a machine has for its role, asked of AWS's own services on it:
//
//   a container (ECS, EKS Pod Identity)   AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or ..._FULL_URI, with
//                                         AWS_CONTAINER_AUTHORIZATION_TOKEN or ..._TOKEN_FILE
//   an instance (EC2, IMDSv2)             unless AWS_EC2_METADATA_DISABLED is true;
//   AWS_EC2_METADATA_SERVICE_ENDPOINT
//                                         is asked instead of http://169.254.169.254
#pragma once

#include <optional>

#include "stores/dynamodb/credentials.h"

namespace lockkeeper::cli::stormlock {

// nullopt: no such service answers, within 2 s. Throws BackendError: it answers, and has no keys.
std::optional<stores::dynamodb::Credentials> role_credentials(const stores::dynamodb::Environment& environment);

}  // namespace lockkeeper::cli::stormlock
