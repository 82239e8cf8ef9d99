// All of a lock in one item: head, rows and its newest events.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "locks/change.h"
#include "locks/record.h"
#include "stores/dynamodb/attribute.h"

namespace lockkeeper::stores::dynamodb {

// DynamoDB takes 400 KB an item, its keys and the names of its attributes among them, and counts an item in an
// index by itself.
inline constexpr std::size_t item_bytes = 380 * 1024;

struct LockItem {
  locks::Version version = 0;
  std::uint64_t writes = 0;
  bool gone = false;  // a tombstone: reads as absent
  locks::Record record;
  std::vector<locks::Event> events;  // by version
};

Item encode(const std::string& lock, const LockItem& lock_item);
// Throws wire::WireError for damage.
LockItem decode(const Item& item);

std::string encode_events(const std::vector<locks::Event>& events);
std::vector<locks::Event> decode_events(std::string_view bytes);

std::size_t size_of(const Item& item);

}  // namespace lockkeeper::stores::dynamodb
