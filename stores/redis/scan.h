// One scan: names from an index, then each one's record, in slices that don't hold Redis up, until the answer has
// something in it or there is no more. The loop's thread only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/store.h"
#include "stores/redis/connection.h"

namespace lockkeeper::stores::redis {

class ScanTask : public std::enable_shared_from_this<ScanTask> {
 public:
  using Done = std::function<void(engine::Operation& operation)>;

  ScanTask(Connection& connection, const std::string& prefix, engine::Operation& operation,
           Connection::Clock::time_point deadline, Done done);

  void begin();  // sends; the caller flushes

 private:
  const engine::Scan& question() const { return std::get<engine::Scan>(operation_.question); }
  void ask_names();
  void take_names(const Reply& reply);
  void ask_records();
  void take_record(const std::string& lock, const Reply& reply);
  void go_on();
  void finish(bool more);
  void fail(engine::Failed why);
  bool wanted(const locks::Record& record) const;

  Connection& connection_;
  const std::string& prefix_;
  engine::Operation& operation_;
  const Connection::Clock::time_point deadline_;
  const Done done_;

  engine::Scanned answer_;
  std::string after_;
  std::deque<std::string> names_;  // not asked for yet
  std::size_t under_way_ = 0;      // records asked for
  std::size_t rows_ = 0;           // of those that came
  bool more_names_ = false;        // after names_
  bool over_ = false;
};

// The end of all names with that prefix, for ZRANGEBYLEX: "(...", or "+".
std::string lex_end(std::string prefix);

}  // namespace lockkeeper::stores::redis
