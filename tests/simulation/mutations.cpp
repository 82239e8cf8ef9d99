#include "tests/simulation/mutations.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

namespace lockkeeper::simulation {
namespace {

using locks::Acquire;
using locks::Change;
using locks::Claim;
using locks::ClosedName;
using locks::Record;
using locks::Release;
using locks::Renew;
using locks::RowId;
using locks::RowKind;
using locks::Waiter;
using locks::What;

bool is_closed_name(const locks::RowOperation& operation) {
  const auto* row = std::get_if<locks::Row>(&operation);
  return row != nullptr && std::holds_alternative<ClosedName>(*row);
}

bool takes_claim(const locks::RowOperation& operation) {
  const auto* gone = std::get_if<RowId>(&operation);
  return gone != nullptr && gone->kind == RowKind::claim;
}

// The line is written, the claim is not.
void forget_repeats(Stage& stage, Change& change) {
  for (const locks::Event& event : change.events) {
    const Asked* by = stage.calls.find(event.by);
    if (event.what != What::renewed || by == nullptr || !std::holds_alternative<Acquire>(by->meant.what)) continue;
    std::erase_if(change.rows, [&](const locks::RowOperation& operation) {
      const auto* row = std::get_if<locks::Row>(&operation);
      const auto* claim = row != nullptr ? std::get_if<Claim>(row) : nullptr;
      return claim != nullptr && claim->renewed == event.version;
    });
  }
}

void keep_token(Change& change, const Record& record) {
  for (auto& operation : change.rows) {
    auto* row = std::get_if<locks::Row>(&operation);
    auto* claim = row != nullptr ? std::get_if<Claim>(row) : nullptr;
    if (claim == nullptr || claim->name.empty()) continue;
    if (const Claim* former = locks::find_claim(record, claim->name)) claim->token = former->token;
  }
}

// Who waits is handed the lock by this.
bool hands_over(const locks::Event& event, const Record& before) {
  return (event.what == What::granted || event.what == What::offered) && event.token == event.version &&
         !event.claim.empty() && locks::find_waiter(before, event.claim) != nullptr;
}

// The lock stays as it was freed.
void lose_hand_over(Change& change, const Record& before) {
  const auto kept = std::find_if(change.events.begin(), change.events.end(),
                                 [&](const auto& event) { return hands_over(event, before); });
  const bool to_the_end =
      std::all_of(kept, change.events.end(), [&](const auto& event) { return hands_over(event, before); });
  if (kept == change.events.begin() || kept == change.events.end() || !to_the_end) return;
  const locks::Version version = std::prev(kept)->version;
  for (auto event = kept; event != change.events.end(); ++event) {
    std::erase_if(change.rows, [&](const locks::RowOperation& operation) {
      if (const auto* gone = std::get_if<RowId>(&operation)) {
        return gone->kind == RowKind::waiter && gone->id == event->claim;
      }
      const auto* claim = std::get_if<Claim>(&std::get<locks::Row>(operation));
      return claim != nullptr && claim->token == event->token;
    });
  }
  change.events.erase(kept, change.events.end());
  change.head.version = version;
  Record after = before;
  locks::apply(after, change);
  const auto claims = std::count_if(after.claims.begin(), after.claims.end(), locks::timed);
  change.head.timed = static_cast<std::uint64_t>(claims) + after.waiters.size();
  if (!locks::held(after)) change.head.key.clear();
}

template <class Row>
Row* find_put(Change& change, const std::string& name) {
  for (auto& operation : change.rows) {
    auto* row = std::get_if<locks::Row>(&operation);
    auto* put = row != nullptr ? std::get_if<Row>(row) : nullptr;
    if (put != nullptr && put->name == name) return put;
  }
  return nullptr;
}

void grant_to_nobody(Change& change) {
  for (locks::Event& event : change.events) {
    if (event.what != What::offered || event.token != event.version || event.claim.empty()) continue;
    auto* claim = find_put<Claim>(change, event.claim);
    if (claim == nullptr || !claim->offered) continue;
    event.what = What::granted;
    claim->offered.reset();
    if (!locks::timed(*claim)) --change.head.timed;
  }
}

void take_up_with_old_token(Change& change, const Record& before) {
  for (locks::Event& event : change.events) {
    if (event.what != What::granted || event.claim.empty()) continue;
    const Claim* offer = locks::find_claim(before, event.claim);
    auto* claim = find_put<Claim>(change, event.claim);
    if (offer == nullptr || !offer->offered || claim == nullptr) continue;
    event.token = claim->token = offer->token;
  }
}

void lose_place(Change& change) {
  for (const locks::Event& event : change.events) {
    if (event.what != What::taken_over || event.token != 0) continue;
    if (auto* waiter = find_put<Waiter>(change, event.claim)) waiter->place = event.version;
  }
}

}  // namespace

void mutate(Stage& stage, Record& read) {
  if (read.waiters.size() > 1 && stage.shows(Bug::queue_out_of_order, 300)) {
    std::reverse(read.waiters.begin(), read.waiters.end());
  }
  if (stage.shows(Bug::queue_not_read, 100)) read.waiters.clear();
}

void mutate(Stage& stage, locks::Command& command, const std::optional<Record>& record) {
  const bool held = record && locks::held(*record);
  if (auto* acquire = std::get_if<Acquire>(&command.what)) {
    if (acquire->wait && stage.shows(Bug::poll_outlasts_its_wait, 300)) *acquire->wait *= 100;
    if (held && stage.shows(Bug::grant_to_second_key, 100)) acquire->key = record->head.key;
    if (!acquire->claim.empty() && stage.shows(Bug::begun_ignored, 300)) acquire->begun.reset();
    if (!acquire->claim.empty() && stage.shows(Bug::repeated_request_is_new, 200)) {
      acquire->request += " again";
      acquire->begun.reset();
    }
  } else if (auto* release = std::get_if<Release>(&command.what)) {
    if (held && stage.shows(Bug::release_for_anybody, 300)) release->key = record->head.key;
    if (!release->request.empty() && record && stage.shows(Bug::withdrawal_of_another, 500)) {
      if (const Claim* claim = locks::find_claim(*record, release->claim)) release->request = claim->request;
    }
  } else if (const auto* renew = std::get_if<Renew>(&command.what)) {
    const bool ended = record && !renew->claim.empty() && locks::find_claim(*record, renew->claim) == nullptr;
    if (ended && stage.shows(Bug::revive_lapsed_lease, 500)) {
      command.what = Acquire{.key = renew->key, .holder = "revived", .claim = renew->claim, .request = "revived"};
    }
  }
}

void mutate(Stage& stage, Change& change, const std::optional<Record>& record) {
  if (stage.shows(Bug::forget_closed_name, 300)) std::erase_if(change.rows, is_closed_name);
  if (stage.bug == Bug::repeat_not_written) forget_repeats(stage, change);
  if (stage.shows(Bug::released_claim_stays, 100)) std::erase_if(change.rows, takes_claim);
  if (record && stage.shows(Bug::forgotten_not_raised, 1000)) change.head.forgotten = record->head.forgotten;
  if (record && stage.shows(Bug::takeover_keeps_token, 1000)) keep_token(change, *record);
  if (!change.events.empty() && stage.shows(Bug::drop_event, 50)) {
    change.events.erase(change.events.begin() +
                        static_cast<std::ptrdiff_t>(stage.random.below(change.events.size())));
  }
  if (!change.head.tallies.empty() && stage.shows(Bug::wrong_count, 50)) ++change.head.tallies.front().count;
  if (record && stage.shows(Bug::lost_hand_over, 100)) lose_hand_over(change, *record);
  if (stage.shows(Bug::granted_to_nobody, 300)) grant_to_nobody(change);
  if (record && stage.shows(Bug::token_reused_at_take_up, 500)) take_up_with_old_token(change, *record);
  if (stage.shows(Bug::place_lost_at_take_over, 500)) lose_place(change);
  if (change.rows.size() > 1 && stage.shows(Bug::torn_commit, 100)) change.rows.resize(change.rows.size() / 2);
}

void renumber(Change& change, locks::Version version) {
  const locks::Version by = version - change.expected;  // wraps around when it goes down; so does the sum
  change.expected = version;
  change.head.version += by;
  for (locks::Event& event : change.events) {
    event.version += by;
    if (event.token == event.version - by) event.token += by;
  }
}

}  // namespace lockkeeper::simulation
