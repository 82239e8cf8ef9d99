// Faults put on purpose between the engine and its store, or between clients and the engine, to see that the
// simulation finds them. One is chosen at run time; without one, nothing of this does anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace lockkeeper::simulation {

enum class Bug : std::uint8_t {
  none,
  // of a store, or of how an engine uses it
  acknowledge_before_commit,
  acknowledge_without_commit,
  unknown_told_as_failed,
  stale_read,
  shared_taken_for_exclusive,
  ignore_expected_version,
  commit_twice,
  torn_commit,
  reuse_token_after_pruning,
  creation_ignores_floor,
  // of what a server knows of others over a shared store
  watch_ignored,
  missed_ignored,
  unknown_taken_for_committed,
  unknown_taken_for_failed,
  refusal_from_cache,
  repeat_not_written,
  give_back_ignores_renewal,
  // of what a decision writes
  forget_closed_name,
  forgotten_not_raised,
  drop_event,
  wrong_count,
  released_claim_stays,
  takeover_keeps_token,
  // of what is decided
  grant_to_second_key,
  release_for_anybody,
  begun_ignored,
  withdrawal_of_another,
  repeated_request_is_new,
  swapped_answers,
  // of the queue
  queue_out_of_order,
  queue_not_read,
  lost_hand_over,
  granted_to_nobody,
  offer_never_passed_on,
  token_reused_at_take_up,
  place_lost_at_take_over,
  place_not_kept,
  wake_two,
  waiter_never_answered,
  poll_outlasts_its_wait,
  given_back_although_told,
  give_back_dropped,
  // of time
  expire_by_wall_clock,
  expire_early,
  lapse_although_renewed,
  revive_lapsed_lease,
  boot_not_noticed,
  oversleep,
};

struct BugStory {
  Bug bug;
  std::string_view name;   // for --bug
  std::string_view story;  // one line
};

const std::vector<BugStory>& planted_bugs();
std::optional<Bug> find_bug(std::string_view name);

}  // namespace lockkeeper::simulation
