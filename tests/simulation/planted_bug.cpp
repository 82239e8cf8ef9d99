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
      {Bug::watch_ignored, "watch-ignored", "what the store tells of others' changes is not listened to"},
      {Bug::missed_ignored, "missed-ignored", "when the watch was interrupted, nobody looks for what it missed"},
      {Bug::unknown_taken_for_committed, "unknown-taken-for-committed",
       "a change that met a newer version is taken for written without looking"},
      {Bug::unknown_taken_for_failed, "unknown-taken-for-failed",
       "a change that met a newer version is taken for not written without looking"},
      {Bug::refusal_from_cache, "refusal-from-cache", "a held lock is refused as it was when it was last read"},
      {Bug::repeat_not_written, "repeat-not-written",
       "over a shared store a copy is told of a grant, and it is not written"},
      {Bug::give_back_ignores_renewal, "give-back-ignores-renewal",
       "a grant is given back although it was written that a copy asked again"},
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
      {Bug::queue_out_of_order, "queue-out-of-order", "the lock goes to whoever was read last, not to the head"},
      {Bug::queue_not_read, "queue-not-read", "a record is read without its queue"},
      {Bug::lost_hand_over, "lost-hand-over", "a lock is freed and nobody in its queue gets it"},
      {Bug::granted_to_nobody, "granted-to-nobody", "a waiter that is not there gets the lock, not an offer"},
      {Bug::offer_never_passed_on, "offer-never-passed-on", "an offer that nobody takes up stands for ever"},
      {Bug::token_reused_at_take_up, "token-reused-at-take-up", "who takes an offer up gets the offer's token"},
      {Bug::place_lost_at_take_over, "place-lost-at-take-over", "who takes a place over goes to the end"},
      {Bug::place_not_kept, "place-not-kept", "an open poll does not keep its place"},
      {Bug::wake_two, "wake-two", "two waiters are answered for one hand-over"},
      {Bug::waiter_never_answered, "waiter-never-answered", "a poll's answer does not leave"},
      {Bug::poll_outlasts_its_wait, "poll-outlasts-its-wait", "a poll is not told its place when its time is over"},
      {Bug::given_back_although_told, "given-back-although-told",
       "what a client that left was granted is offered to others, and a copy was told of it"},
      {Bug::give_back_dropped, "give-back-dropped", "what was granted to a client that had gone is not given back"},
      {Bug::expire_by_wall_clock, "expire-by-wall-clock", "what lapses is counted by a clock that jumps"},
      {Bug::expire_early, "expire-early", "something lapses before its time"},
      {Bug::lapse_although_renewed, "lapse-although-renewed", "a renewal does not put the lapse off"},
      {Bug::revive_lapsed_lease, "revive-lapsed-lease", "a renewal brings back what ended"},
      {Bug::boot_not_noticed, "boot-not-noticed", "after a boot, ages are told by the clock of another one"},
      {Bug::oversleep, "oversleep", "the loop sleeps past what it had to wake up for"},
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
