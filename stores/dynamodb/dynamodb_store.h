// Records in one table of DynamoDB (layout.h), for any number of servers. A lock is one item, changed by one
// conditional write, so the limits a lock has are lower than over other stores: DynamoDB takes 400 KB an item.
//
// Threads of its own, each with a connection, carry out what was begun, an operation each. Once a request finds no
// connection, or no answer in time, the store is away: everything is answered at once until a probe gets through.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/store.h"
#include "stores/dynamodb/session.h"
#include "stores/dynamodb/settings.h"

namespace lockkeeper::stores {

class DynamoStore final : public engine::Store {
 public:
  using Say = std::function<void(const std::string&)>;

  // Nothing is asked before open().
  DynamoStore(dynamodb::DynamoSettings settings, Say warn, Say info);
  ~DynamoStore() override;

  void open(engine::Completions& completions) override;
  void begin(engine::Operation* chain) override;
  void close() override;
  bool exclusive() const override { return false; }
  bool ready() const override { return !away_; }

 private:
  struct Begun {
    engine::Operation* operation;
    std::chrono::nanoseconds at;  // by the clock of this boot
    dynamodb::Deadline deadline;
  };

  void work();
  void probe();
  void answer(dynamodb::DynamoClient& client, const Begun& begun);
  void move_overhang(dynamodb::Session& session, const std::string& lock);
  engine::Failed explain(const dynamodb::DynamoError& error, bool wrote, bool in_time);
  void go_away(const std::string& why);
  std::string why_away();
  void answer_all(std::deque<Begun> begun);
  void stop();

  const dynamodb::DynamoSettings settings_;
  const Say warn_, info_;
  dynamodb::Shared shared_;
  engine::Completions* completions_ = nullptr;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Begun> begun_;
  std::string why_away_;
  bool closing_ = false;
  std::atomic<bool> away_ = false;  // written under the mutex
  std::vector<std::thread> threads_;
};

}  // namespace lockkeeper::stores
