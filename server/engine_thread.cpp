#include "server/engine_thread.h"

#include <cstdlib>
#include <exception>
#include <string>

#include "server/time_limit.h"

namespace lockkeeper::server {
namespace {

void run(engine::Engine& engine, Log& log) noexcept {
  try {
    engine.run();
  } catch (const std::exception& error) {
    end_within(time_for_last_words, 1);
    log.error(std::string("the engine failed: ") + error.what());
    std::_Exit(1);
  }
}

}  // namespace

EngineThread::EngineThread(engine::Engine& engine, Log& log)
    : engine_(engine), thread_([&engine, &log] { run(engine, log); }) {}

EngineThread::~EngineThread() {
  engine_.stop();
  thread_.join();
}

}  // namespace lockkeeper::server
