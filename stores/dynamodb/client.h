// Signed requests to DynamoDB (API version 2012-08-10) over one kept connection. Blocking; not thread-safe: a
// thread has one of its own. RapidJSON and libcurl stay inside.
//
// Every method takes a deadline, by which it returns or throws DynamoError. Requests that DynamoDB refuses for
// their number are sent again after a growing, random pause; so are reads that fell to an error of its own. A write
// that may have been carried out is never sent a second time.
#pragma once

#include <chrono>
#include <cstddef>
#include <ctime>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "http/client.h"
#include "stores/dynamodb/attribute.h"
#include "stores/dynamodb/credentials.h"

namespace lockkeeper::stores::dynamodb {

class DynamoError : public std::runtime_error {
 public:
  enum class Kind {
    condition,    // the condition did not hold; nothing was written
    throttled,    // until the deadline; nothing was written
    no_table,     // nothing was written
    in_use,       // the table is there already, or being made
    refused,      // the request is wrong, or not allowed; nothing was written
    unreachable,  // no connection; nothing was sent
    unanswered,   // sent, perhaps, and no whole answer came: it may have been carried out, or still be
    late,         // likewise, and the deadline has passed
    failed        // an error of DynamoDB's own: likewise
  };
  DynamoError(Kind what_kind, const std::string& text) : std::runtime_error(text), kind(what_kind) {}
  Kind kind;
};

struct Connection {
  std::string region;
  std::string endpoint;  // http or https, without a path
  Credentials credentials;
  std::string ca;  // PEM, trusted instead of the system's; empty: the system's
};

// A condition, a filter or an update in DynamoDB's language; its :names stand for values.
struct Expression {
  std::string text;  // empty: none
  Item values;
};

// Of a Query or Scan; every read is consistent.
struct Question {
  std::string index;       // empty: the table
  Expression condition;    // on the key; none: a Scan
  Expression filter;       // what it passes over is read, and paid, all the same
  std::string attributes;  // "a, b"; empty: all
  Item from;               // exclusive: where a page ended; empty: the start
  std::size_t limit = 0;   // looked at, at most; 0: what fits into a page (1 MB)
  bool descending = false;
};

struct Page {
  std::vector<Item> items;
  Item next;  // empty: that was all
};

struct KeyPart {
  std::string name;
  Attribute::Type type = Attribute::Type::text;
  bool operator==(const KeyPart&) const = default;
};

struct TableIndex {  // local: consistent, of the items that have its attribute
  std::string name;
  KeyPart sort;
  bool operator==(const TableIndex&) const = default;
};

struct Table {
  KeyPart partition;
  std::optional<KeyPart> sort;
  std::vector<TableIndex> indexes;
  bool active = false;  // not read by create_table()
};

using Deadline = std::chrono::steady_clock::time_point;

class DynamoClient {
 public:
  // Nothing is connected yet. Throws HttpError{certificate} when `ca` does not parse.
  explicit DynamoClient(const Connection& connection);

  std::optional<Item> get(const std::string& table, const Item& key, Deadline deadline);
  // Those that are there, in any order. 100 keys at most.
  std::vector<Item> get_all(const std::string& table, const std::vector<Item>& keys, Deadline deadline);
  // Signed with the time `dated`, or with that of each try: DynamoDB refuses it 15 minutes later, however long this
  // machine sleeps in between, which no Deadline notices.
  void put(const std::string& table, const Item& item, const Expression& condition, Deadline deadline,
           std::optional<std::time_t> dated = std::nullopt);
  // Unconditional, and each by itself, as many as there are.
  void put_all(const std::string& table, const std::vector<Item>& items, Deadline deadline);
  void remove_all(const std::string& table, const std::vector<Item>& keys, Deadline deadline);
  // `update.values` holds those of the condition too.
  void update(const std::string& table, const Item& key, const Expression& update, const std::string& condition,
              Deadline deadline);
  void remove(const std::string& table, const Item& key, const Expression& condition, Deadline deadline);
  Page ask(const std::string& table, const Question& question, Deadline deadline);

  // DynamoDB's time at its last answer, cut to the second, so never later than it was; nullopt: it was not told.
  std::optional<std::time_t> date() const;

  // nullopt: there is none.
  std::optional<Table> describe_table(const std::string& table, Deadline deadline);
  // Billed by request. It is not active yet when this returns.
  void create_table(const std::string& name, const Table& table, Deadline deadline);

 private:
  enum class Again : bool { never, always };  // whether it may be sent again after it may have been carried out

  std::string call(const char* action, const std::string& body, Again again, Deadline deadline,
                   std::optional<std::time_t> dated = std::nullopt);
  void write_all(const std::string& table, const char* what, const std::vector<Item>& items, Deadline deadline);
  bool pause(unsigned tries, Deadline deadline);

  Connection connection_;
  http::Client http_;
  std::minstd_rand random_;
  std::string date_;  // of the last answer
};

}  // namespace lockkeeper::stores::dynamodb
