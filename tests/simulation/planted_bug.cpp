#include "tests/simulation/planted_bug.h"

namespace lockkeeper::simulation {

const std::vector<BugStory>& planted_bugs() {
  static const std::vector<BugStory> kAll = {
      {Bug::acknowledge_before_commit, "acknowledge-before-commit", "a commit is told as done before it is"},
      {Bug::acknowledge_without_commit, "acknowledge-without-commit", "a commit is told as done and never is"},
      {Bug::unknown_told_as_failed, "unknown-told-as-failed",
       "a commit whose reply was lost is told as not written"},
      {Bug::stale_read, "stale-read", "a read gives the record as it was one commit before"},
      {Bug::shared_taken_for_exclusive, "shared-taken-for-exclusive",
       "a server trusts its cache over a shared store"},
      {Bug::ignore_expected_version, "ignore-expected-version",
       "a conflicting change is put on top of what is there"},
      {Bug::commit_twice, "commit-twice",
       "a change that was committed is committed once more, as a blind retry would"},
      {Bug::torn_commit, "torn-commit", "head and events are written, not all rows"},
      {Bug::reuse_token_after_pruning, "reuse-token-after-pruning", "a pruned lock starts from 0 again"},
      {Bug::creation_ignores_floor, "creation-ignores-floor",
       "a lock is created on a floor that has been raised since"},
      {Bug::forget_closed_name, "forget-closed-name", "a closed name is not written"},
      {Bug::forgotten_not_raised, "forgotten-not-raised", "closed names are dropped, and nothing tells of it"},
      {Bug::drop_event, "drop-event", "a change is committed without one of its events"},
      {Bug::wrong_count, "wrong-count", "a tally counts one claim too many"},
      {Bug::released_claim_stays, "released-claim-stays", "a claim is released and its row stays"},
      {Bug::takeover_keeps_token, "takeover-keeps-token", "who takes a claim over gets the former one's token"},
      {Bug::grant_to_second_key, "grant-to-second-key", "another key is let in beside the holders"},
      {Bug::release_for_anybody, "release-for-anybody", "a release with another key is taken"},
      {Bug::begun_ignored, "begun-ignored", "each copy of an intention counts as begun when it arrives"},
      {Bug::withdrawal_of_another, "withdrawal-of-another", "a withdrawal ends whatever stands under the name"},
      {Bug::repeated_request_is_new, "repeated-request-is-new", "a repeated request counts as another intention"},
      {Bug::swapped_answers, "swapped-answers", "two answers of one batch go to each other's callers"},
  };
  return kAll;
}

std::optional<Bug> find_bug(std::string_view name) {
  for (const BugStory& one : planted_bugs()) {
    if (one.name == name) return one.bug;
  }
  return std::nullopt;
}

}  // namespace lockkeeper::simulation
