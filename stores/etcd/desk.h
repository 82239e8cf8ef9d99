// What begin() hands over, on the client's thread, and answers that go back in chains.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "engine/inbox.h"
#include "engine/store.h"
#include "stores/etcd/client.h"
#include "stores/etcd/layout.h"
#include "stores/etcd/options.h"
#include "stores/etcd/questions.h"
#include "stores/module.h"

namespace lockkeeper::stores::etcd {

class Desk final : private Client::Host {
 public:
  explicit Desk(StoreSettings settings);
  ~Desk();

  void open(engine::Completions& completions);  // throws StoreError
  void begin(engine::Operation* chain);
  void close();
  bool ready() const { return client_.ready(); }

 private:
  using Clock = std::chrono::steady_clock;
  void woken() override;
  void turn_over() override;
  void tick() override;
  void away() override;
  void back() override;

  std::int64_t prepare(Clock::time_point until);  // the layout; the revision it was seen at
  std::variant<TxnReply, Failure> now(std::function<Txn()> txn);
  void start(engine::Operation* operation, Time until);
  void answer(engine::Operation* operation, Answer answer);

  const EtcdOptions options_;
  const StoreSettings settings_;
  const Layout layout_;
  Client client_;
  Gathering gathering_;
  Questions questions_;
  engine::Completions* completions_ = nullptr;
  engine::Inbox<engine::Operation> begun_;

  // Shared with who opens and closes.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> errands_;  // guarded by mutex_: to be run on the client's thread
  bool settled_ = false;                       // guarded by mutex_: back, or hopeless
  std::string why_;                            // guarded by mutex_: the last failure
  std::atomic<std::size_t> owed_ = 0;          // operations begun and not answered

  // The client's thread's.
  engine::Operation* answered_ = nullptr;  // a chain, newest first
  std::size_t answers_ = 0;
  bool opened_ = false;
};

}  // namespace lockkeeper::stores::etcd
