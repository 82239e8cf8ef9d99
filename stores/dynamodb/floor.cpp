#include "stores/dynamodb/floor.h"

#include <time.h>

#include "stores/dynamodb/layout.h"

namespace lockkeeper::stores::dynamodb {

std::chrono::nanoseconds boot_time() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

FloorRead Floor::since(std::chrono::nanoseconds since, DynamoClient& client, const std::string& table,
                       Deadline deadline) {
  const std::unique_lock guard(mutex_, deadline);
  if (!guard) throw DynamoError(DynamoError::Kind::throttled, "the floor was not read in time");
  if (last_.at >= since && last_.at.count() != 0) return last_;
  const auto began = now();
  const auto item = client.get(table, floor_key(), deadline);
  last_ = {item ? number_of(*item, "v") : 0, began};
  return last_;
}

void Floor::raise(locks::Version version, DynamoClient& client, const std::string& table, Deadline deadline) {
  try {
    client.update(table, floor_key(), {"SET v = :v", {{":v", number(version)}}},
                  "attribute_not_exists(v) OR v < :v", deadline);
  } catch (const DynamoError& error) {
    if (error.kind != DynamoError::Kind::condition) throw;  // it is as high already
  }
}

}  // namespace lockkeeper::stores::dynamodb
