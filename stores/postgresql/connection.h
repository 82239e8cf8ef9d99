// One connection to PostgreSQL over libpq: connecting and asking, each within a time, either waiting for the answer
// or driven by whoever polls its socket. For one thread at a time. Nothing that is said about a fault holds a
// password or an argument of a query.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stores/postgresql/parameters.h"
#include "stores/postgresql/result.h"

struct pg_conn;

namespace lockkeeper::stores::postgresql {

using Time = std::chrono::steady_clock::time_point;

// Where to, as libpq's keywords (password included); the hosts are tried in turn.
struct Target {
  std::vector<std::pair<std::string, std::string>> hosts;  // and port
  std::vector<std::pair<std::string, std::string>> parameters;
};

struct Fault {
  std::string state;  // SQLSTATE; "": PostgreSQL said none
  std::string text;
  bool lost = false;  // the connection is gone, or no answer came in time: whether it was done is not known

  bool is(const char* prefix) const { return state.starts_with(prefix); }
};

struct Answer {
  Result result;               // of the last statement
  std::optional<Fault> fault;  // the first one; what was asked was not done, unless it is `lost`
  std::string warning;         // PostgreSQL's, while it was asked
};

class Connection {
 public:
  // Tries each host once, for `each` at most. `stop`: a descriptor that ends the waiting when it can be read; -1:
  // none. nullptr: none answered, `why` tells of the last one. (Looking up a name takes as long as it takes.)
  static std::unique_ptr<Connection> connect(const Target& target, std::chrono::milliseconds each, int stop,
                                             std::string& why);
  // `conninfo`: as libpq takes it, keywords or a URI, filled up by PG... variables, services and password files.
  // Each host has what its connect_timeout says, or `each`.
  static std::unique_ptr<Connection> connect(const std::string& conninfo, const std::string& application_name,
                                             std::chrono::milliseconds each, std::string& why);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // ---- waiting
  Answer ask(const std::string& sql, const Parameters& parameters, std::chrono::milliseconds at_most);
  // Several statements without arguments; they are one transaction unless they say otherwise.
  Answer run(const std::string& script, std::chrono::milliseconds at_most);
  // What is sent with exactly this text from now on is neither parsed nor planned again. Only where the session is
  // this connection's own. Without it, or when it fails, everything goes as before.
  void prepare(const std::string& sql, std::chrono::milliseconds at_most);

  // ---- driven
  bool send(const std::string& sql, const Parameters& parameters);  // false: lost
  int socket() const;
  short events() const;  // for poll()
  // After the socket was ready, or lost(): true when the answer is there, or the connection is gone.
  bool advance();
  Answer take();
  bool lost() const { return lost_; }

  std::vector<std::string> notifications();  // payloads that have come
  static std::string quoted(const std::string& identifier);

 private:
  explicit Connection(pg_conn* own);
  Answer wait(std::chrono::milliseconds at_most);
  void keep(pg_result* result);
  bool lose(const std::string& why);

  struct Close {
    void operator()(pg_conn* own) const;
  };
  std::unique_ptr<pg_conn, Close> own_;
  std::vector<std::string> prepared_;
  Answer answer_;
  bool sending_ = false;
  bool busy_ = false;
  bool lost_ = false;
};

}  // namespace lockkeeper::stores::postgresql
