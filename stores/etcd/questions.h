// The engine's questions, each as the Txns it takes. All of it on the client's thread; a question lives until its
// answer has been given.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "engine/store.h"
#include "stores/etcd/client.h"
#include "stores/etcd/gathering.h"
#include "stores/etcd/layout.h"

namespace lockkeeper::stores::etcd {

using Answer = decltype(engine::Operation::answer);
using Answered = std::function<void(Answer)>;
using Milliseconds = std::chrono::milliseconds;

class Questions {
 public:
  Questions(Client& client, Gathering& gathering, const Layout& layout, Milliseconds timeout)
      : client_(client), gathering_(gathering), layout_(layout), timeout_(timeout) {}

  void ask(const engine::Commit& question, Time until, Answered answered);
  void ask(const engine::Read& question, Time until, Answered answered);
  void ask(const engine::Prune& question, Time until, Answered answered);
  void ask(const engine::Scan& question, Time until, Answered answered);
  void ask(const engine::FindFree& question, Time until, Answered answered);
  void ask(const engine::ReadHistory& question, Time until, Answered answered);
  void ask(const engine::TrimHistory& question, Time until, Answered answered);

  Client& client() { return client_; }
  const Layout& layout() const { return layout_; }
  Milliseconds timeout() const { return timeout_; }

 private:
  void look_whether_done(const engine::Commit& question, const Failure& failure, Time until, Answered answered);

  Client& client_;
  Gathering& gathering_;
  const Layout& layout_;
  Milliseconds timeout_;
  std::string free_from_, trim_from_;  // keys at which the next slice begins; "": at the first
};

engine::Failed failed(const Failure& failure, bool writes);

// Calls use(reply), which gives the answer or throws WireError; a Failure is one already.
Client::Done<TxnReply> answering(Answered answered, bool writes, std::function<Answer(TxnReply&)> use);
// Likewise for what takes several steps: use(reply) answers by itself, later.
Client::Done<TxnReply> going_on(Answered answered, bool writes, std::function<void(TxnReply&)> use);

}  // namespace lockkeeper::stores::etcd
