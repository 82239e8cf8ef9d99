// What lives on the store's thread: both connections, what is asked over them, and what is told to the engine.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/inbox.h"
#include "engine/store.h"
#include "stores/redis/link.h"
#include "stores/redis/loop.h"
#include "stores/redis/redis_options.h"
#include "stores/redis/redis_store.h"
#include "stores/redis/scripts.h"
#include "stores/redis/server_facts.h"
#include "stores/redis/watch.h"

namespace lockkeeper::stores {

class RedisStore::Worker {
 public:
  explicit Worker(RedisOptions options);
  ~Worker();

  void open(engine::Completions& completions);
  void begin(engine::Operation* chain);
  void close();
  bool ready() const { return ready_; }

 private:
  using Operation = engine::Operation;
  using Reply = redis::Reply;
  using Time = redis::Connection::Clock::time_point;

  // Meeting the server, at each new connection (meeting.cpp)
  void greet(const redis::Link::Greeted& done);
  void met(const Reply& reply, const redis::Link::Greeted& done);
  void warn_of(const redis::ServerFacts& facts);
  void take_epoch(const Reply& reply);
  void look_for_losses(const redis::Link::Greeted& done);
  void remember(const engine::Commit& committed);

  // Up and away (worker.cpp)
  void settle();
  void fell(const redis::Fault& fault);

  // Asking (asking.cpp)
  void take();
  void ask(Operation& operation);
  void send_waiting();
  void ask_commits(Operation* chain, Time deadline, bool whole_script);
  void committed(Operation* chain, Time deadline, bool whole_script, Reply& reply);
  void read(Operation& operation);
  void prune(Operation& operation, bool whole_script);
  void read_history(Operation& operation, bool whole_script);
  void find_free(Operation& operation, bool whole_script);
  void trim(Operation& operation, bool whole_script);
  redis::Command call(const redis::Script& script, bool whole_script, std::size_t keys) const;
  // Its reply, or nullptr: it was asked once more with the whole script, or has failed.
  template <class Again>
  bool answers(Operation& operation, const Reply& reply, bool writes, bool whole_script, Again again);
  void no_good(const Reply& reply);
  void finish(Operation& operation);
  void deliver();

  const RedisOptions options_;
  redis::Scripts scripts_;
  engine::Completions* completions_ = nullptr;

  // Any thread.
  engine::Inbox<Operation> begun_;
  std::atomic<bool> told_ = false;  // the loop will look into it
  std::atomic<bool> ready_ = false;
  std::atomic<std::size_t> under_way_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool up_once_ = false;
  redis::Fault trouble_;
  bool closed_ = false;

  // The loop's thread's.
  Time now_;  // of this turn
  std::string why_away_ = "not connected yet";
  bool told_away_ = false;
  redis::ServerFacts facts_;
  std::string epoch_, run_id_;
  std::vector<std::string> warned_;
  std::deque<std::pair<std::string, locks::Version>> lately_;  // committed, newest last
  locks::Version highest_ = 0;                                 // of all that was committed here
  std::string free_from_, trim_from_, scratch_;
  Operation* waiting_ = nullptr;  // commits that are not sent yet; there are some only while calls are under way
  Operation* last_waiting_ = nullptr;
  Time waiting_until_;             // the first one's deadline
  std::size_t calls_ = 0;          // of the commit script, under way
  Operation* finished_ = nullptr;  // in the order in which they came back
  Operation* last_finished_ = nullptr;

  redis::Loop loop_;
  redis::Timer dropping_;
  redis::Link commands_;
  redis::Watch watch_;
};

}  // namespace lockkeeper::stores
