// Asks etcd and waits for the answer: its client works on a thread of its own.
#pragma once

#include <chrono>
#include <memory>
#include <variant>

#include "cli/stormlock/backend.h"
#include "stores/etcd/client.h"

namespace lockkeeper::cli::stormlock {

class Asking {
 public:
  // Connects, and asks for `options.probe_key` to see whether etcd serves. Throws BackendError.
  explicit Asking(stores::etcd::ClientOptions options);
  ~Asking();

  // After an answer was lost: returns when etcd is there again, or its time is over.
  void reach_again();
  stores::etcd::Result<stores::etcd::TxnReply> txn(stores::etcd::Txn txn);
  stores::etcd::Result<stores::etcd::Lease> grant(std::int64_t lease, std::chrono::seconds ttl);
  stores::etcd::Result<stores::etcd::Lease> keep_alive(std::int64_t lease);
  stores::etcd::Result<std::monostate> revoke(std::int64_t lease);

 private:
  class Host;

  template <class Reply, class Ask>
  stores::etcd::Result<Reply> wait(Ask ask);

  const std::chrono::milliseconds timeout_;
  std::unique_ptr<Host> host_;
  stores::etcd::Client client_;
};

}  // namespace lockkeeper::cli::stormlock
