// GET /locks at the workflow door: gates by their ids, made in slices (slices.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "locks/record.h"
#include "server/doors/slices.h"

namespace lockkeeper::server {

struct GateListQuestion {
  std::optional<locks::Gate::Status> status;  // none: both
  std::string after;                          // an id
  std::optional<std::uint64_t> limit;
};

// A fault's text, or what the query asks for.
std::variant<std::string, GateListQuestion> parse_gate_list_query(std::string_view query);

// nullopt: neither of the two.
std::optional<locks::Gate::Status> parse_gate_status(std::string_view text);

class GateListText final : public SlicedText {
 public:
  explicit GateListText(GateListQuestion question) : question_(std::move(question)) {}

  engine::Scan next_scan() const override;
  std::string add(const engine::Scanned& slice) override;
  bool done() const override { return done_; }

 private:
  bool asked_for(const engine::NamedRecord& found) const;

  GateListQuestion question_;
  bool begun_ = false;
  bool empty_ = true;
  bool done_ = false;
};

}  // namespace lockkeeper::server
