// GET /locks: a list that may be a million locks long, made in slices. One slice is one scan of the store; what
// fits in one goes out whole, with its length, as the original's answer did.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "engine/store.h"
#include "server/doors/door.h"

namespace lockkeeper::server {

struct ListQuestion {
  bool full = false;  // ours: {"locks":[...],"more":false}; else the original's object
  bool held_only = true;
  std::string prefix;
  std::string after;
  std::optional<std::uint64_t> limit;
};

// A fault's text, or what the query asks for.
std::variant<std::string, ListQuestion> parse_list_query(std::string_view query);

// Where a list stands: which slice to ask for next, and the text of those that came. Pure.
class ListText {
 public:
  explicit ListText(ListQuestion question) : question_(std::move(question)) {}

  engine::Scan next_scan() const;
  // The text of this slice; after the last one done() is true.
  std::string add(const engine::Scanned& slice);
  bool done() const { return done_; }

 private:
  ListQuestion question_;
  bool begun_ = false;
  bool empty_ = true;
  bool done_ = false;
};

void serve_list(FrontDesk& desk, http::Exchange& exchange, std::string_view query, std::string_view door,
                std::string user);

}  // namespace lockkeeper::server
