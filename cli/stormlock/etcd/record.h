// A lease as the original keeps it: three keys with the etcd lease of that id.
//
//   PREFIX RESOURCE /id   the lease's id, hexadecimal
//                   /p    the principal
//                   /c    when it was created: seconds since 1970, an IEEE 754 double, 8 bytes, little-endian
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/stormlock/backend.h"
#include "stores/etcd/messages.h"

namespace lockkeeper::cli::stormlock {

using Moment = std::chrono::sys_time<std::chrono::microseconds>;

struct Keys {
  Keys(const std::string& prefix, const std::string& resource);
  std::string id, principal, created;
};

// As they are read in one transaction, in this order.
std::vector<stores::etcd::Step> reading(const Keys& keys);

struct Record {
  std::string id;
  std::int64_t etcd_lease = 0;  // with which the id goes; 0: none
  std::optional<std::string> principal;
  std::optional<Moment> created;  // none: not there, or no such bytes
};

// nullopt: no /id, so the lock is free.
std::optional<Record> record_of(const stores::etcd::TxnReply& reply);

std::string created_bytes(Moment created);

std::string lease_id(std::int64_t etcd_lease);
// Throws BackendError for what is no hexadecimal number.
std::int64_t etcd_lease(const std::string& id);

}  // namespace lockkeeper::cli::stormlock
