#include "out/waiting_log.h"

#include <utility>

#include "resource/environment.h"

namespace lockkeeper::out {

using resource::holders_text;

WaitingLog::WaitingLog(resource::World& world, resource::BuildLog& log, const resource::Patience& patience,
                       std::string lock)
    : world_(world), log_(log), patience_(patience), lock_(std::move(lock)) {}

void WaitingLog::learn(std::vector<wire::HoldView> holders, std::optional<wire::QueuedView> queued) {
  holders_ = std::move(holders);
  queued_ = std::move(queued);
}

void WaitingLog::tell() {
  std::string now = marks();
  if (now == told_) return;
  log_.info("waiting for " + lock_ + ": " + state());
  told_ = std::move(now);
}

bool WaitingLog::lost_place(const std::optional<wire::QueuedView>& queued) const {
  return queued_ && queued && queued->since != queued_->since;
}

std::string WaitingLog::reminder() const {
  return "still waiting for " + lock_ + " after " + resource::seconds_text(patience_.waited()) + ": " + state();
}

std::string WaitingLog::state() const {
  std::string text = "held by " + holders_text(holders_, world_.wall());
  if (queued_) text += "; " + resource::place_text(*queued_);
  return text;
}

// What is the same to a reader has the same marks. Two builds may hold by one name, one after the other; who comes
// behind, and an estimate that moves with the time, are no news.
std::string WaitingLog::marks() const {
  std::string text;
  for (const wire::HoldView& hold : holders_) {
    text += hold.holder + '\n' + resource::metadata_value(hold.metadata, "build") + '\n' +
            std::to_string(hold.since.time_since_epoch().count()) + '\n';
  }
  if (!queued_) return text;
  text += std::to_string(queued_->position) + '\n';
  for (const wire::HoldView& one : queued_->ahead) text += one.holder + '\n';
  return text;
}

}  // namespace lockkeeper::out
