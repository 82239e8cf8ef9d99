#include "resource/patience.h"

#include <algorithm>

namespace lockkeeper::resource {

using std::chrono::milliseconds;

Patience::Patience(World& world, BuildLog& log, milliseconds request_timeout, Bound bound)
    : world_(world),
      log_(log),
      request_timeout_(request_timeout),
      bound_(bound),
      begin_(world.now()),
      reminder_(begin_),
      backoff_({}, [&world] { return world.random(); }) {}

milliseconds Patience::waited() const {
  return std::chrono::duration_cast<milliseconds>(world_.now() - begin_);
}

std::optional<milliseconds> Patience::left() const {
  if (!bound_.total) return std::nullopt;
  return std::max(*bound_.total - waited(), milliseconds(0));
}

// The bound cuts a request short, but not below a second: a shorter last try would be none.
milliseconds Patience::request_timeout() const {
  const auto rest = left();
  return rest ? std::min(request_timeout_, std::max(*rest, milliseconds(1000))) : request_timeout_;
}

std::string Patience::gave_up() const {
  return bound_.once ? "tried once" : "gave up after " + seconds_text(waited());
}

bool Patience::pause(std::optional<std::chrono::seconds> retry_after, const std::function<std::string()>& state) {
  const auto rest = left();
  if (bound_.once || (rest && rest->count() == 0)) return false;
  milliseconds pause = backoff_.next(retry_after);
  if (rest) pause = std::min(pause, *rest);
  const auto until = world_.now() + pause;
  for (auto now = world_.now(); now < until; now = world_.now()) {
    const auto next = std::max(std::min(until, reminder_.due()) - now, std::chrono::steady_clock::duration(0));
    if (world_.sleep(std::chrono::ceil<milliseconds>(next))) throw StepEnded();
    remind(state);
  }
  return true;
}

void Patience::remind(const std::function<std::string()>& state) {
  if (world_.now() < reminder_.due()) return;
  log_.info(state());
  reminder_.said(world_.now());
}

void Patience::answered(const std::string& whom) {
  if (!failing_) return;
  log_.info(whom + " answers again");
  failing_.reset();
  backoff_.reset();
}

void Patience::failed(const client::Failure& failure) {
  if (failure.ended || world_.interrupted()) throw StepEnded();
  const std::string& text = failure.text;
  if (!failure.may_pass) throw StepFailed(text);
  if (failing_ != failure.sort && !bound_.once) log_.warn(text + "; trying again");
  failing_ = failure.sort;
  const auto state = [&] { return "still trying after " + seconds_text(waited()) + ": " + text; };
  if (!pause(failure.retry_after, state)) throw StepFailed(text + " (" + gave_up() + ")");
}

}  // namespace lockkeeper::resource
