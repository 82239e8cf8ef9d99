// What lies where in etcd, under one prefix (PREFIX ends with a slash; \0 is a zero byte, which no name holds):
//
//   PREFIX format                       "lockkeeper 1"
//   PREFIX floor                        VERSION
//   PREFIX h \0 LOCK                    VERSION, a space, the head (wire JSON)
//   PREFIX r \0 LOCK \0 KIND ID         a row; KIND is one digit
//   PREFIX e \0 LOCK \0 VERSION         the events of one change, one a line; VERSION of the last of them
//   PREFIX t \0 LOCK                    empty: head.timed is not 0
//   PREFIX counted                      empty: put with what is put together (gathering.h)
//
// VERSION is 20 decimal digits, so that versions sort as they count. The condition on a version is two comparisons
// with the head's value, above VERSION and below the next one: exact, and nothing of etcd's own revisions has to be
// remembered. A plain lock or unlock puts two keys. Heads have a span of their own, which is what is watched.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store.h"
#include "stores/etcd/messages.h"

namespace lockkeeper::stores::etcd {

class Layout {
 public:
  explicit Layout(std::string prefix);

  std::string format() const { return prefix_ + "format"; }
  std::string floor() const { return prefix_ + "floor"; }
  std::string counted() const { return prefix_ + "counted"; }
  std::string head(std::string_view lock) const { return heads_ + std::string(lock); }
  std::string rows(std::string_view lock) const;  // the beginning of all of a lock's
  std::string row(std::string_view lock, const locks::RowId& id) const;
  std::string events(std::string_view lock) const;  // likewise
  std::string events(std::string_view lock, locks::Version last) const;
  std::string timed(std::string_view lock) const { return timed_ + std::string(lock); }

  // Where all heads, events, index entries begin.
  const std::string& heads() const { return heads_; }
  const std::string& all_events() const { return events_; }
  const std::string& all_timed() const { return timed_; }

  // What a key of theirs says.
  std::string head_of(std::string_view key) const { return std::string(key.substr(heads_.size())); }
  std::string timed_of(std::string_view key) const { return std::string(key.substr(timed_.size())); }
  std::string_view row_lock(std::string_view key) const;
  std::string_view events_lock(std::string_view key) const;

  // In one Txn, which gives what is there back if the condition does not hold.
  Txn commit(const std::string& lock, const locks::Change& change) const;
  // Forgets a free lock, raising the floor.
  Txn prune(const std::string& lock, locks::Version expected) const;
  // Head, rows and floor of one revision.
  Txn read(const std::string& lock) const;
  // What the Ranges of either gave, from `first` on.
  engine::Found found(const std::vector<Ranged>& steps, std::size_t first = 0) const;

  // Decoding throws wire::WireError.
  locks::Head decode_head(std::string_view value) const;
  void add_row(locks::Record& record, const KeyValue& row) const;

 private:
  std::vector<Compare> is_at(const std::string& lock, locks::Version version) const;
  std::vector<Step> ranges(const std::string& lock) const;

  std::string prefix_, heads_, rows_, events_, timed_;
};

// 20 digits.
std::string digits(locks::Version version);
locks::Version version_of(std::string_view text);  // of the digits that begin it; 0: none do

// The end of the span of all keys that begin so.
std::string end_of(std::string prefix);

std::string encode_events(const std::vector<locks::Event>& events);
std::vector<locks::Event> decode_events(std::string_view value);

}  // namespace lockkeeper::stores::etcd
