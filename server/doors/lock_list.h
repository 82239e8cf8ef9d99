// GET /locks: a list that may be a million locks long, made in slices (slices.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "server/doors/slices.h"

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

class ListText final : public SlicedText {
 public:
  explicit ListText(ListQuestion question) : question_(std::move(question)) {}

  engine::Scan next_scan() const override;
  std::string add(const engine::Scanned& slice) override;
  bool done() const override { return done_; }

 private:
  ListQuestion question_;
  bool begun_ = false;
  bool empty_ = true;
  bool done_ = false;
};

void serve_list(FrontDesk& desk, http::Exchange& exchange, std::string_view query, std::string_view door,
                std::string user);

}  // namespace lockkeeper::server
