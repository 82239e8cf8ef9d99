// What carries out one operation: a connection, what all connections share, and until when.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "stores/dynamodb/client.h"
#include "stores/dynamodb/floor.h"
#include "stores/dynamodb/known.h"

namespace lockkeeper::stores::dynamodb {

// A look over the whole table, a part at a time, and a pause after it.
struct Round {
  std::mutex mutex;
  unsigned shard = 0;
  Item from;  // where the part before ended; empty: at the start
  bool within = false;
  std::chrono::nanoseconds ended{0};  // by the clock of this boot; 0: none has
};

struct Shared {
  std::string table;
  std::chrono::milliseconds pause{0};  // between two rounds
  Known known;
  Floor floor;
  Round trimming, free_ones;
  std::chrono::nanoseconds tombstones_are_kept = std::chrono::hours(1);
  // Since when this process has seen a tombstone, under trimming.mutex: nobody else's clock tells how old it is.
  std::unordered_map<std::string, std::pair<locks::Version, std::chrono::nanoseconds>> tombstones;
};

struct Session {
  DynamoClient& client;
  Shared& shared;
  std::chrono::nanoseconds begun;  // by the clock of this boot: when the operation was
  Deadline deadline;
  bool wrote = false;  // a write that was not answered may have changed what was asked about

  // The floor as it was when the operation was begun, or later.
  FloorRead floor(std::chrono::nanoseconds since) {
    return shared.floor.since(since, client, shared.table, deadline);
  }
  FloorRead floor() { return floor(begun); }
};

}  // namespace lockkeeper::stores::dynamodb
