#include "engine/engine.h"

#include <utility>

#include "engine/state.h"

namespace lockkeeper::engine {

Engine::Engine(Store& store, Clock& clock, Settings settings)
    : state_(std::make_unique<State>(store, clock, std::move(settings))) {}
Engine::~Engine() = default;

void Engine::submit(Call& call) noexcept {
  state_->submit(call);
}
std::chrono::nanoseconds Engine::nap() const {
  return state_->nap();
}

bool Engine::step() {
  return state_->step();
}
void Engine::run() {
  state_->run();
}
void Engine::stop() noexcept {
  state_->stop();
}
Counters Engine::counters() const {
  return state_->counters();
}
bool Engine::ready() const noexcept {
  return state_->ready();
}

}  // namespace lockkeeper::engine
