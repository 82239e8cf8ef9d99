// What is asked of etcd's KV service and what it answers, as plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace lockkeeper::stores::etcd {

struct KeyValue {
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
};

struct Compare {
  enum class Is : std::uint8_t { equal, greater, less, unequal };
  enum class Of : std::uint8_t { version, create_revision, mod_revision, value };
  std::string key;
  Of of = Of::value;
  Is is = Is::equal;
  std::int64_t number = 0;  // unless it is of the value
  std::string value;
};

// A key, or what is from it up to `end` (exclusive).
struct Range {
  std::string key;
  std::string end;
  std::int64_t limit = 0;
  std::int64_t revision = 0;
  bool descending = false;
  bool keys_only = false;
  bool count_only = false;
  bool serializable = false;  // of what this member has by now; enough where the revision is given
};

struct Put {
  std::string key;
  std::string value;
  std::int64_t lease = 0;
};

struct Delete {
  std::string key;
  std::string end;
};

struct Txn;
using Step = std::variant<Range, Put, Delete, std::unique_ptr<Txn>>;

struct Txn {
  std::vector<Compare> when;  // all of them
  std::vector<Step> then;
  std::vector<Step> otherwise;
};

struct Ranged {
  std::vector<KeyValue> kvs;
  std::int64_t count = 0;
  bool more = false;
};

struct TxnReply {
  bool succeeded = false;
  std::int64_t revision = 0;
  std::vector<Ranged> steps;     // one a step of the branch that was taken; empty unless that was a Range
  std::vector<TxnReply> nested;  // of those steps that are Txns
};

struct Failure {
  enum class Kind : std::uint8_t {
    no_room,       // the space quota is used up; a change may have been carried out all the same
    refused,       // not carried out: permission, size, too many requests, away
    unauthorized,  // not carried out: who asks is not known
    compacted,     // not carried out: the revision has gone
    unknown        // it may have been, or still be
  };
  Kind kind = Kind::unknown;
  std::string why;  // never a secret
};

template <class Reply>
using Result = std::variant<Reply, Failure>;

}  // namespace lockkeeper::stores::etcd
