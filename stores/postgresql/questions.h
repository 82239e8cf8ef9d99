// Operations as queries: what is sent for a batch of them, and where the next slice of a chore begins.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/store.h"
#include "stores/postgresql/connection.h"

namespace lockkeeper::stores::postgresql {

// What is asked in one round trip. Commits, reads and prunes go together with their like, the others alone.
enum class Kind : std::uint8_t { commits, reads, prunes, other };
Kind kind(const engine::Operation& operation);

using Batch = std::vector<engine::Operation*>;

struct Query {
  std::string sql;
  Parameters parameters;
};

class Questions {
 public:
  explicit Questions(const std::string& schema);

  // May change the order of the batch. All of one kind, on different locks.
  Query query(Batch& batch) const;
  // Of what query() asked for, into each operation's answer. Throws BadResult; for a record that cannot be read an
  // operation is Failed by itself.
  void answer(Batch& batch, const Result& result);

 private:
  Query commits(Batch& batch) const;
  Query reads(const Batch& batch) const;
  Query prunes(Batch& batch) const;
  Query other(const engine::Operation& operation) const;

  const std::string schema_;  // quoted
  // The chores look at a part at a time.
  std::string free_after_;
  std::string trimmed_lock_;
  std::uint64_t trimmed_version_ = 0;
};

}  // namespace lockkeeper::stores::postgresql
