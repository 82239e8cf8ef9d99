// Asks PostgreSQL and waits, over one connection that is made when it is needed first.
#pragma once

#include <memory>
#include <string>

#include "cli/stormlock/lost_answer.h"
#include "stores/postgresql/connection.h"

namespace lockkeeper::cli::stormlock {

class Session {
 public:
  Session(std::string connection, std::string table);

  // After AnswerLost, the next one goes over a new connection. Throws AnswerLost and, for all else, BackendError.
  stores::postgresql::Result ask(const std::string& sql, const stores::postgresql::Parameters& parameters);

 private:
  void connect();
  [[noreturn]] void refuse(const stores::postgresql::Fault& fault) const;

  std::string conninfo_, table_;
  std::unique_ptr<stores::postgresql::Connection> connection_;
};

}  // namespace lockkeeper::cli::stormlock
