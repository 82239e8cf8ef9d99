// [backend.etcd]:
//
//   host, port              localhost, 2379
//   prefix                  /; of all keys
//   timeout                 seconds that one question may take; 10 unless it is given
//   ca_cert                 the authority of etcd's certificate (PEM file); turns TLS on
//   cert_cert, cert_key     who we are to etcd (PEM files), both or none; without ca_cert nobody looks at them
//   user, password          only with ca_cert, since they would be sent in the clear
#pragma once

#include <string>

#include "cli/stormlock/section.h"
#include "stores/etcd/client.h"

namespace lockkeeper::cli::stormlock {

struct EtcdSettings {
  stores::etcd::ClientOptions client;
  std::string prefix;
};

// Throws ConfigError.
EtcdSettings etcd_settings(const Section& section);

}  // namespace lockkeeper::cli::stormlock
