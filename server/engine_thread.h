// The engine on its thread, ended however its owner is left. An engine that throws ends the process with 1: its
// state cannot be trusted, and nothing of it may reach the store.
#pragma once

#include <thread>

#include "engine/engine.h"
#include "server/log.h"

namespace lockkeeper::server {

class EngineThread {
 public:
  EngineThread(engine::Engine& engine, Log& log);
  ~EngineThread();  // all is answered, and the store closed
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

 private:
  engine::Engine& engine_;
  std::thread thread_;
};

}  // namespace lockkeeper::server
