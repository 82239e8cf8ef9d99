// The thread that owns the connection: takes all that was begun since its last turn, answers what only reads,
// then commits all that writes in one transaction.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "engine/inbox.h"
#include "engine/sleeper.h"
#include "stores/sqlite/database.h"
#include "stores/sqlite/heads.h"
#include "stores/sqlite/history.h"
#include "stores/sqlite/records.h"
#include "stores/sqlite/sqlite_store.h"
#include "stores/sqlite/stamps.h"
#include "stores/sqlite/system_boot_clock.h"

namespace lockkeeper::stores {

class SqliteStore::Worker {
 public:
  explicit Worker(SqliteOptions options);
  ~Worker();

  void start(engine::Completions& completions);
  void push(engine::Operation* chain);
  void close();
  bool ready() const { return ready_; }

 private:
  // Operations linked by `next`, in order.
  struct Chain {
    engine::Operation* first = nullptr;
    engine::Operation* last = nullptr;
    void add(engine::Operation* operation);
  };

  void run();
  engine::Operation* wait();  // null: closing, and nothing is left
  void take_turn(engine::Operation* begun);
  void answer_reads(Chain chain);
  void answer_writes(Chain chain);
  engine::Failed explain(const sqlite::SqliteError& error, bool committing);
  void correct_stamps(Chain chain);
  void roll_back();
  void settle_heads();
  void checkpoint_if_due();
  [[noreturn]] void die(const std::string& why);

  SqliteOptions options_;
  const sqlite::SystemBootClock system_boot_clock_;
  std::unique_ptr<sqlite::Database> database_;
  std::unique_ptr<sqlite::Heads> heads_;
  std::unique_ptr<sqlite::History> history_;
  std::unique_ptr<sqlite::Stamps> stamps_;
  std::unique_ptr<sqlite::Records> records_;
  std::unique_ptr<sqlite::Statement> begin_;
  std::unique_ptr<sqlite::Statement> commit_;
  engine::Completions* completions_ = nullptr;

  engine::Inbox<engine::Operation> begun_;
  engine::Sleeper sleeper_;
  std::atomic<bool> closing_ = false;
  std::size_t last_turn_ = 0;  // operations in it; the worker thread's
  std::atomic<bool> ready_ = true;
  std::thread thread_;
};

}  // namespace lockkeeper::stores
