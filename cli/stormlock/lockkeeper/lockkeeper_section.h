// [backend.lockkeeper]: where the server is, and who we are to it.
//
//   url                  http or https, with an optional path; required
//   username, password   basic auth; may stand in the url, too
//   ca_cert              PEM file of the authority that signed the server's certificate, beside the system's
//   skip_ssl_validation  true or false (default)
//   timeout              "10s" (default): how long to go on without an answer
#pragma once

#include "cli/stormlock/section.h"
#include "client/lock_client.h"

namespace lockkeeper::cli::stormlock {

// request_timeout is the timeout. Throws ConfigError.
client::Settings read_lockkeeper_section(const Section& section);

}  // namespace lockkeeper::cli::stormlock
