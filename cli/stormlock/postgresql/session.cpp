#include "cli/stormlock/postgresql/session.h"

#include <utility>

namespace lockkeeper::cli::stormlock {
namespace {

using stores::postgresql::Answer;
using stores::postgresql::Connection;
using stores::postgresql::Fault;
using stores::postgresql::Parameters;
using stores::postgresql::Result;

constexpr std::chrono::seconds connecting{10};  // unless connect_timeout says otherwise
constexpr std::chrono::seconds answering{10};
constexpr int tries = 10;  // of what a neighbour's transaction keeps from going through

bool may_pass(const Fault& fault) {
  return fault.is("40001") || fault.is("40P01");  // could not be serialized, deadlock
}

}  // namespace

Session::Session(std::string connection, std::string table)
    : conninfo_(std::move(connection)), table_(std::move(table)) {}

void Session::connect() {
  std::string why;
  connection_ = Connection::connect(conninfo_, "stormlock", connecting, why);
  if (!connection_) throw BackendError("PostgreSQL: " + why);
}

Result Session::ask(const std::string& sql, const Parameters& parameters) {
  if (!connection_) connect();
  for (int i = 1;; ++i) {
    Answer answer = connection_->ask(sql, parameters, answering);
    if (!answer.fault) return std::move(answer.result);
    if (answer.fault->lost) {
      connection_.reset();
      throw AnswerLost("PostgreSQL: " + answer.fault->text);
    }
    if (i == tries || !may_pass(*answer.fault)) refuse(*answer.fault);
  }
}

void Session::refuse(const Fault& fault) const {
  std::string hint;
  if (fault.is("42P01")) {
    hint = "; make it: CREATE TABLE " + table_ +
           " (resource text PRIMARY KEY, lease uuid NOT NULL, principal text NOT NULL, created timestamp NOT NULL "
           "DEFAULT CURRENT_TIMESTAMP, expires timestamp NOT NULL)";
  } else if (fault.is("22008")) {
    hint = "; the ttl goes past what a timestamp can hold";
  } else if (fault.is("25006")) {
    hint = "; this server takes no locks: add target_session_attrs=read-write to the connection, with all hosts";
  } else if (fault.is("42501")) {
    hint = "; the role needs SELECT, INSERT, UPDATE and DELETE on " + table_;
  }
  throw BackendError("PostgreSQL: " + fault.text + hint);
}

}  // namespace lockkeeper::cli::stormlock
