// Where things lie in the table. Both parts of a key are bytes, since names of locks are, and DynamoDB sorts them
// so.
//
//   p "locks/NN"      s name     a lock: all of it in one item, changed by one conditional write
//   p "history/NAME"  s version  one event (8 bytes, big-endian), moved here from its lock's item
//   p "meta"          s "layout" which layout this is, and over how many partitions locks are spread
//   p "meta"          s "floor"  where versions of new locks start
//
// A lock's item:
//   v  its version                     w  how often it was written: trimming history changes it, and no version
//   r  head and rows, e newest events  c  when the version came to be (ms since 1970)
//   h  1: held                         f  1: free, nobody waits
//   t  its name, while something can lapse: sorts the local index "timed", where no other lock is
//   d  1: a tombstone (records.h); nothing but p, s, v, w beside it
// An event's item: a when it happened, b the event.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "locks/record.h"
#include "stores/dynamodb/attribute.h"
#include "stores/dynamodb/client.h"

namespace lockkeeper::stores::dynamodb {

inline constexpr std::uint64_t layout_version = 1;
inline constexpr unsigned shards = 16;  // a partition of DynamoDB takes 1,000 writes a second
inline constexpr const char* timed_index = "timed";
inline constexpr std::string_view locks_prefix = "locks/";
inline constexpr std::string_view history_prefix = "history/";

Table wanted_table();

Item key_of(std::string partition, std::string sort);
std::string shard(unsigned number);             // its partition
std::string shard_of(const std::string& lock);  // the same for one name for ever
Item lock_key(const std::string& lock);
Item layout_key();
Item floor_key();

std::string history_of(const std::string& lock);  // the partition
std::string sort_of(locks::Version version);      // in the order of versions

// Of an item that was read; throws wire::WireError for what is not there or of another type.
const std::string& bytes_of(const Item& item, const char* name);
std::uint64_t number_of(const Item& item, const char* name);
std::int64_t signed_of(const Item& item, const char* name);
locks::Version version_of_sort(const std::string& sort);

}  // namespace lockkeeper::stores::dynamodb
