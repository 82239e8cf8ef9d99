// The one encoding of records for stores: compact JSON with short member names, times as milliseconds since the
// epoch. Decoding parses iteratively, ignores members it does not know and throws WireError on damage, so that a
// corrupt row is noticed and never read as an empty one.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "locks/change.h"
#include "locks/record.h"

namespace lockkeeper::wire {

class WireError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// `version` and the lock's name are not in the text: stores keep them beside it.
void encode(const locks::Head& head, std::string& out);  // replaces `out`
locks::Head decode_head(std::string_view text);

void encode(const locks::Row& row, std::string& out);
locks::Row decode_row(locks::RowKind kind, std::string_view text);

void encode(const locks::Event& event, std::string& out);
locks::Event decode_event(std::string_view text);

// Puts a decoded row where it belongs in the record (order of token, place, up_to).
void insert(locks::Record& record, locks::Row row);

}  // namespace lockkeeper::wire
