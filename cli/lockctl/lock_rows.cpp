#include "cli/lockctl/lock_rows.h"

#include "cli/lockctl/moment.h"
#include "cli/lockctl/words.h"
#include "cli/shown/text.h"
#include "locks/duration.h"

namespace lockkeeper::cli::lockctl {
namespace {

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : harmless(text);
}

std::string number_or_dash(std::uint64_t number) {
  return number == 0 ? "-" : std::to_string(number);
}

std::string duration_text(const std::optional<std::chrono::milliseconds>& duration) {
  return duration ? locks::exact_duration(*duration) : "-";
}

Row row_of(const wire::LockView& lock) {
  std::string holder = lock.holders.empty() ? "-" : harmless(lock.holders.front().holder);
  if (lock.holders.size() > 1) holder += " +" + std::to_string(lock.holders.size() - 1);
  const locks::WallTime since = lock.holders.empty() ? locks::WallTime{} : lock.holders.front().since;
  // An original server has no version, and no queue.
  return {harmless(lock.lock),        std::move(holder),
          moment_text(since),         age_text(since, wall_now()),
          std::to_string(lock.count), lock.version == 0 ? "-" : std::to_string(lock.queue.size())};
}

}  // namespace

Columns columns_of(const std::vector<wire::LockView>& locks) {
  Columns table{{{.title = "NAME", .may_shrink = true},
                 {.title = "HOLDER", .may_shrink = true},
                 {.title = "SINCE", .leave_out = 4},
                 {.title = "FOR", .leave_out = 2},
                 {.title = "COUNT", .number = true, .leave_out = 3},
                 {.title = "WAITING", .number = true, .leave_out = 1}},
                {}};
  for (const wire::LockView& lock : locks) table.rows.push_back(row_of(lock));
  return table;
}

Columns columns_of(const std::vector<wire::ClaimView>& claims) {
  Columns table{{{.title = "HOLDER", .may_shrink = true},
                 {.title = "CLAIM", .may_shrink = true},
                 {.title = "TOKEN", .number = true},
                 {.title = "COUNT", .number = true, .leave_out = 3},
                 {.title = "SINCE", .leave_out = 1},
                 {.title = "TTL", .leave_out = 2},
                 {.title = "METADATA", .may_shrink = true, .leave_out = 4}},
                {}};
  for (const wire::ClaimView& claim : claims) {
    table.rows.push_back({harmless(claim.holder), or_dash(claim.claim), number_or_dash(claim.token),
                          std::to_string(claim.count), moment_text(claim.since),
                          claim.offered ? "offered for " + duration_text(claim.offered) : duration_text(claim.ttl),
                          metadata_text(claim.metadata)});
  }
  return table;
}

Columns columns_of(const std::vector<wire::WaiterView>& queue) {
  Columns table{{{.title = "PLACE", .number = true},
                 {.title = "HOLDER", .may_shrink = true},
                 {.title = "SINCE", .leave_out = 2},
                 {.title = "FOR", .leave_out = 1},
                 {.title = "CLAIM", .may_shrink = true, .leave_out = 3},
                 {.title = "METADATA", .may_shrink = true, .leave_out = 4}},
                {}};
  for (const wire::WaiterView& waiter : queue) {
    table.rows.push_back({std::to_string(table.rows.size() + 1), harmless(waiter.holder), moment_text(waiter.since),
                          age_text(waiter.since, wall_now()), or_dash(waiter.claim),
                          metadata_text(waiter.metadata)});
  }
  return table;
}

Columns columns_of(const std::vector<locks::Event>& events) {
  Columns table{{{.title = "VERSION", .number = true},
                 {.title = "AT"},
                 {.title = "WHAT"},
                 {.title = "HOLDER", .may_shrink = true},
                 {.title = "CLAIM", .may_shrink = true, .leave_out = 4},
                 {.title = "TOKEN", .number = true, .leave_out = 3},
                 {.title = "BY", .leave_out = 2},
                 {.title = "DOOR", .leave_out = 5},
                 {.title = "REASON", .may_shrink = true, .leave_out = 1}},
                {}};
  for (const locks::Event& event : events) {
    table.rows.push_back({std::to_string(event.version), moment_text(event.at), locks::text(event.what),
                          or_dash(event.holder), or_dash(event.claim), number_or_dash(event.token),
                          or_dash(event.by), or_dash(event.door), harmless(event.reason)});
  }
  return table;
}

std::string state_text(const wire::LockView& lock) {
  if (!lock.held && lock.queue.empty()) return "free";
  std::string text = lock.held ? "held by " + holders_text(lock.holders) : "free";
  if (!lock.queue.empty()) text += ", " + std::to_string(lock.queue.size()) + " waiting";
  return text;
}

}  // namespace lockkeeper::cli::lockctl
