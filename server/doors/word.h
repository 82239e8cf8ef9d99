// Something said to the engine whose answer nobody waits for.
#pragma once

#include <exception>
#include <memory>
#include <utility>

#include "server/doors/door.h"

namespace lockkeeper::server {

class Word final : public IoCall {
 public:
  void answered() noexcept override { delete this; }
  void orphaned() noexcept override { delete this; }
};

// False: out of memory, and nothing was said.
inline bool say(FrontDesk& desk, std::size_t io, decltype(engine::Call::question)&& said) noexcept {
  try {
    auto word = std::make_unique<Word>();
    word->question = std::move(said);
    desk.ask(*word.release(), io);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace lockkeeper::server
