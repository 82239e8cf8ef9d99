// etcd://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...][/PREFIX][?OPTIONS], port 2379, PREFIX lockkeeper. Options:
//
//   timeout=1500ms       what one request may take before its outcome is unknown
//   connect_timeout=5s   how long the start tries before it gives up
//   tls=false            TLS to all hosts, by the system's authorities; ca, cert and key imply it
//   ca=FILE              the authority, instead of the system's (PEM)
//   cert=FILE, key=FILE  who we are to etcd (PEM)
//   server_name=NAME     what the hosts' certificate says, where that is not the host
//   in_flight=8          Txns under way at a time, of up to 48 changes each
//   password_file=FILE   see store_url.h
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "stores/etcd/client.h"
#include "stores/store_url.h"

namespace lockkeeper::stores::etcd {

struct EtcdOptions {
  ClientOptions client;
  std::string prefix;  // with its slash
  std::string shown;   // for messages
  std::chrono::milliseconds connect_timeout{0};
  std::size_t in_flight = 0;
};

// Throws StoreError.
EtcdOptions options_of(const StoreUrl& url);

}  // namespace lockkeeper::stores::etcd
