#include "tests/simulation/shared_store.h"

#include <utility>
#include <variant>

#include "tests/simulation/mutations.h"

namespace lockkeeper::simulation {

using engine::Commit;
using engine::Found;
using engine::Operation;
using engine::Prune;
using engine::Read;

SharedStore::SharedStore(Stage& stage, Linearizability& history, Hearing& hearing)
    : stage_(stage),
      checker_(stage),
      leases_(stage),
      history_(history),
      hearing_(hearing),
      boot_(stage.agenda.now()) {
  if (stage.profile.alone) memory_.boot_clock = &boot_;
  memory_.open(*this);
}

SharedStore::Answer SharedStore::memory(Question question) {
  Operation operation{std::move(question)};
  memory_.begin(&operation);
  return std::move(operation.answer);
}

std::optional<locks::Record> SharedStore::record(const std::string& lock) {
  return std::get<Found>(memory(Read{lock})).record;
}

SharedStore::Answer SharedStore::carry_out(const Origin& origin, const Question& question) {
  if (const auto* change = std::get_if<Commit>(&question)) return commit(origin, *change);
  if (const auto* forget = std::get_if<Prune>(&question)) return prune(origin, *forget);
  if (const auto* ask = std::get_if<Read>(&question)) return read(*ask);
  return memory(question);
}

void SharedStore::give_back(const Origin& origin, const locks::Command& words) {
  const auto before = record(words.lock);
  if (!before) return;
  const auto* claim = locks::find_claim(*before, std::get<locks::GiveBack>(words.what).claim);
  const bool repeated = claim != nullptr && claim->renewed != claim->token && !stage_.profile.alone;
  if (repeated != (stage_.bug == Bug::give_back_ignores_renewal)) return;
  const auto& settings = stage_.profile.settings;
  const locks::Terms terms = locks::terms_of(settings.terms, settings.terms_by_name, words.lock);
  auto decision = locks::decide(*before, words, {locks::WallTime(), settings.limits, terms});
  if (!decision.change) return;
  for (locks::Event& event : decision.change->events) event.change = "planted " + std::to_string(commits_);
  commit(origin, {words.lock, std::move(*decision.change)});
}

SharedStore::Answer SharedStore::commit(const Origin& origin, Commit commit) {
  const Found now = std::get<Found>(memory(Read{commit.lock}));
  bend(commit, now);
  mutate(stage_, commit.change, now.record);
  Answer answer = memory(as_it_gets_in(commit, now));
  if (!std::holds_alternative<engine::Committed>(answer)) {
    stage_.happened("conflict");
    stage_.trace.line(
        [&] { return "store    conflict for server " + std::to_string(origin.server) + " on " + commit.lock; });
    return answer;
  }
  if (now.record) before_[commit.lock] = *now.record;
  ++commits_;
  const Moment moment = stage_.next_moment();
  const locks::Record after = *record(commit.lock);
  stage_.trace.line([&] {
    std::string text = "store    server " + std::to_string(origin.server) + " commits " + commit.lock + ":";
    for (const locks::Event& event : commit.change.events) {
      text += " v" + std::to_string(event.version) + " " + locks::text(event.what) + " " + event.claim + " (" +
              event.by + ")";
    }
    return text;
  });
  for (const locks::Event& event : commit.change.events) stage_.happened(locks::text(event.what));
  if (commit.change.creates && commit.change.expected > 0) stage_.happened("created above a floor");
  checker_.committed(commit.lock, commit.change, after);
  if (!stage_.violation) leases_.committed(commit.lock, commit.change, after);
  if (!stage_.violation) history_.committed(commit.lock, commit.change, after, origin, moment);
  if (!stage_.violation) hearing_.committed(commit.lock, commit.change, origin);
  for (Watcher* watcher : watchers_) watcher->happened({commit.lock, commit.change.head.version});
  return answer;
}

SharedStore::Answer SharedStore::prune(const Origin& origin, const Prune& prune) {
  Answer answer = memory(prune);
  if (!std::get<engine::Pruned>(answer).done) return answer;
  stage_.happened("pruned");
  const locks::Version floor = std::get<Found>(memory(Read{prune.lock})).floor;
  stage_.trace.line([&] {
    return "store    server " + std::to_string(origin.server) + " prunes " + prune.lock + " at v" +
           std::to_string(prune.expected) + ", floor " + std::to_string(floor);
  });
  const Moment moment = stage_.next_moment();
  checker_.pruned(prune.lock, floor);
  history_.pruned(prune.lock, floor, moment);
  for (Watcher* watcher : watchers_) watcher->happened({prune.lock, 0});
  return answer;
}

SharedStore::Answer SharedStore::read(const Read& read) {
  Answer answer = memory(read);
  auto& found = std::get<Found>(answer);
  if (!found.record && stage_.bug == Bug::reuse_token_after_pruning) found.floor = 0;
  const auto before = before_.find(read.lock);
  if (before != before_.end() && found.record && stage_.shows(Bug::stale_read, 100)) found.record = before->second;
  if (found.record) mutate(stage_, *found.record);
  return answer;
}

Commit SharedStore::as_it_gets_in(Commit commit, const Found& now) const {
  const bool any_floor = stage_.bug == Bug::creation_ignores_floor || stage_.bug == Bug::reuse_token_after_pruning;
  if (any_floor && !now.record && commit.change.creates) commit.change.expected = now.floor;
  return commit;
}

void SharedStore::bend(Commit& commit, const Found& now) {
  locks::Change& change = commit.change;
  if (!now.record || change.expected == now.record->head.version) return;
  if (stage_.shows(Bug::ignore_expected_version, 300)) {
    renumber(change, now.record->head.version);
    change.creates = false;
  }
}

}  // namespace lockkeeper::simulation
