#include "tests/simulation/mutations.h"

#include <algorithm>
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
using locks::RowId;
using locks::RowKind;

bool is_closed_name(const locks::RowOperation& operation) {
  const auto* row = std::get_if<locks::Row>(&operation);
  return row != nullptr && std::holds_alternative<ClosedName>(*row);
}

bool takes_claim(const locks::RowOperation& operation) {
  const auto* gone = std::get_if<RowId>(&operation);
  return gone != nullptr && gone->kind == RowKind::claim;
}

void keep_token(Change& change, const Record& record) {
  for (auto& operation : change.rows) {
    auto* row = std::get_if<locks::Row>(&operation);
    auto* claim = row != nullptr ? std::get_if<Claim>(row) : nullptr;
    if (claim == nullptr || claim->name.empty()) continue;
    if (const Claim* former = locks::find_claim(record, claim->name)) claim->token = former->token;
  }
}

}  // namespace

void mutate(Stage& stage, locks::Command& command, const std::optional<Record>& record) {
  const bool held = record && locks::held(*record);
  if (auto* acquire = std::get_if<Acquire>(&command.what)) {
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
  }
}

void mutate(Stage& stage, Change& change, const std::optional<Record>& record) {
  if (stage.shows(Bug::forget_closed_name, 300)) std::erase_if(change.rows, is_closed_name);
  if (stage.shows(Bug::released_claim_stays, 100)) std::erase_if(change.rows, takes_claim);
  if (record && stage.shows(Bug::forgotten_not_raised, 1000)) change.head.forgotten = record->head.forgotten;
  if (record && stage.shows(Bug::takeover_keeps_token, 1000)) keep_token(change, *record);
  if (!change.events.empty() && stage.shows(Bug::drop_event, 50)) {
    change.events.erase(change.events.begin() +
                        static_cast<std::ptrdiff_t>(stage.random.below(change.events.size())));
  }
  if (!change.head.tallies.empty() && stage.shows(Bug::wrong_count, 50)) ++change.head.tallies.front().count;
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
