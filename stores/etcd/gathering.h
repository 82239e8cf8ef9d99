// Puts what is asked at the same time into one Txn: each part is a Txn within it, with its own condition and its
// own answer, so a conflict of one leaves its neighbours alone. etcd 3.4 spends more on a Txn, whatever is in it,
// than on two bare puts (docs/decisions/0009), and all of them on one RPC and one entry of its log. On the client's
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "stores/etcd/client.h"

namespace lockkeeper::stores::etcd {

class Gathering {
 public:
  using Done = Client::Done<TxnReply>;

  // At most so many Txns are under way; what is asked meanwhile makes the next ones.
  // With them `counted` is put, a key of no meaning: etcd counts towards its quota only what is put outside of a
  // Txn within a Txn, and would go on for ever without it.
  Gathering(Client& client, std::chrono::milliseconds timeout, std::size_t at_a_time, std::string counted)
      : client_(client), timeout_(timeout), at_a_time_(at_a_time), counted_(std::move(counted)) {}

  // No two of one key. `make` may be called again: a Txn that etcd refused because of one part is sent in parts.
  void change(std::function<Txn()> make, Time until, Done done);
  // Ranges alone, without a condition.
  void read(Txn txn, Time until, Done done);

  void send();    // what may be sent by now
  void refuse();  // what is in line, with the client's last failure

 private:
  struct Part {
    std::function<Txn()> make;
    Txn txn;
    Time until;
    Done done;
  };
  using Parts = std::vector<Part>;

  void send_changes();
  void send_reads();
  void give_up_late(std::deque<Part>& line);
  void sent(const Parts& parts, Result<TxnReply> result);

  Client& client_;
  const std::chrono::milliseconds timeout_;
  const std::size_t at_a_time_;
  const std::string counted_;
  std::size_t under_way_ = 0;
  std::deque<Part> changes_, reads_;
};

}  // namespace lockkeeper::stores::etcd
