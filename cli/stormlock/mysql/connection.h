// Asks MySQL, or MariaDB, and waits, over one connection that is made when it is needed first. Its session is in
// UTC and strict: what does not fit into a column is refused.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/stormlock/lost_answer.h"
#include "cli/stormlock/mysql/settings.h"

struct st_mysql;

namespace lockkeeper::cli::stormlock {

struct MysqlAnswer {
  unsigned long long matched = 0;  // rows that a change was about
  std::vector<std::vector<std::optional<std::string>>> rows;
  bool duplicate = false;   // not inserted: its key is there
  bool timestamps = false;  // all columns are of that type
};

class MysqlConnection {
 public:
  explicit MysqlConnection(MysqlSettings settings);
  ~MysqlConnection();
  MysqlConnection(const MysqlConnection&) = delete;
  MysqlConnection& operator=(const MysqlConnection&) = delete;

  // After AnswerLost, the next one goes over a new connection. Throws AnswerLost and, for all else, BackendError.
  MysqlAnswer ask(const std::string& sql);

 private:
  struct Refusal {
    unsigned code;
    std::string text;
    bool has_tls;  // as the server has said
  };

  void connect();
  // `logins`: the authentication plugins that the server may choose from, with commas.
  std::optional<Refusal> try_to_connect(bool tls, const char* logins);
  std::string where() const;
  // DATETIME has local time in it: the original's in the server's zone, where we are in UTC.
  void require_timestamps();
  MysqlAnswer run(const std::string& sql);
  std::optional<MysqlAnswer> answer();  // nullopt: there was a fault
  [[noreturn]] void refuse(unsigned code, const std::string& text) const;

  struct Close {
    void operator()(st_mysql* own) const;
  };
  const MysqlSettings settings_;
  std::unique_ptr<st_mysql, Close> own_;
  bool checked_ = false;
};

}  // namespace lockkeeper::cli::stormlock
