#include "cli/shown/waiting.h"

#include <utility>

#include "client/waiting_text.h"

namespace lockkeeper::cli {

std::string state_text(const wire::DeniedView& denied, locks::WallTime now) {
  std::string text =
      denied.holders.empty() ? "about to be handed over" : "held by " + client::holders_text(denied.holders, now);
  if (denied.queued) text += "; " + client::place_text(*denied.queued);
  return text;
}

std::string state_marks(const wire::DeniedView& denied) {
  std::string marks;
  for (const wire::HoldView& hold : denied.holders) {
    marks += hold.holder + '\n' + std::to_string(hold.since.time_since_epoch().count()) + '\n';
  }
  if (!denied.queued) return marks;
  marks += std::to_string(denied.queued->position) + '\n';
  for (const wire::HoldView& one : denied.queued->ahead) marks += one.holder + '\n';
  return marks;
}

Waiting::Waiting(std::string lock, Progress& progress, Wall wall)
    : lock_(std::move(lock)), progress_(progress), wall_(std::move(wall)) {}

client::Acquisition::Listener Waiting::listener() {
  return {.queued = [this](const wire::DeniedView& denied) { queued(denied); },
          .trouble = [this](const std::string& why) { trouble(why); },
          .answered = [this] { answered(); }};
}

void Waiting::queued(const wire::DeniedView& denied) {
  if (place_ && denied.queued && place_->since != denied.queued->since) {
    progress_.note("the place in the queue for " + lock_ +
                   " has lapsed, since the server heard nothing for too long: queued again, at the end");
  }
  if (denied.queued) place_ = denied.queued;
  progress_.say("waiting for " + lock_ + ": " + state_text(denied, wall_()), state_marks(denied));
}

void Waiting::trouble(const std::string& why) {
  progress_.note(why + "; trying again" + (place_ ? ", the place in the queue is kept" : ""));
}

void Waiting::answered() {
  progress_.note("the server answers again");
}

locks::WallTime Waiting::wall_clock() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace lockkeeper::cli
