#include "tests/simulation/server_words.h"

#include <utility>
#include <variant>

namespace lockkeeper::simulation {
namespace {

using locks::Change;
using locks::Claim;
using locks::Command;
using locks::Event;
using locks::Record;
using locks::RowId;
using locks::RowKind;
using locks::Waiter;
using locks::What;

const Claim* claim_of(const Record& record, const Event& event) {
  for (const Claim& claim : record.claims) {
    if (claim.token == event.token && claim.name == event.claim) return &claim;
  }
  return nullptr;
}

// Nameless places look alike in an event. Rows go in the order of the events that take them away.
const Waiter* first_taken(const Record& before, const Change& change, const Event& event) {
  for (const auto& operation : change.rows) {
    const auto* gone = std::get_if<RowId>(&operation);
    if (gone == nullptr || gone->kind != RowKind::waiter) continue;
    for (const Waiter& waiter : before.waiters) {
      if (waiter.name == event.claim && waiter.holder == event.holder && id(waiter) == *gone) return &waiter;
    }
  }
  return nullptr;
}

bool renews(const Change& change, const Waiter& waiter, const Event& event) {
  for (const auto& operation : change.rows) {
    const auto* row = std::get_if<locks::Row>(&operation);
    const auto* put = row != nullptr ? std::get_if<Waiter>(row) : nullptr;
    if (put != nullptr && put->place == waiter.place && put->renewed == event.version) return true;
  }
  return false;
}

std::optional<decltype(Command::what)> words(const Record& before, const Change& change, const Event& event) {
  const Claim* claim = claim_of(before, event);
  if (event.what == What::lapsed && event.token == 0) {
    const Waiter* waiter = first_taken(before, change, event);
    if (waiter != nullptr) return locks::Lapse{RowKind::waiter, id(*waiter).id, waiter->renewed, false};
  } else if ((event.what == What::lapsed || event.what == What::offer_lapsed) && claim != nullptr) {
    const bool max_hold = event.reason == "max_hold";
    return locks::Lapse{RowKind::claim, id(*claim).id, max_hold ? claim->granted : claim->renewed, max_hold};
  } else if (event.what == What::renewed && event.token == 0) {
    for (const Waiter& waiter : before.waiters) {
      if (waiter.name != event.claim || waiter.holder != event.holder) continue;
      // A later event of the change may have taken it away again.
      if (!event.claim.empty() || renews(change, waiter, event)) return locks::KeepPlace{id(waiter).id};
    }
  } else if (event.what == What::offered && claim != nullptr) {
    return locks::GiveBack{claim->name, claim->request, claim->token};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Command> said_by_server(const std::string& lock, const Record& before, const Change& change,
                                      const Event& event) {
  if (!event.by.empty() || event.door != "server") return std::nullopt;
  auto what = words(before, change, event);
  if (!what) return std::nullopt;
  return Command{lock, {"", "server"}, std::move(*what)};
}

}  // namespace lockkeeper::simulation
