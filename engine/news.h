// What the store tells of changes, on its way to the engine's thread.
#pragma once

#include <vector>

#include "engine/store.h"

namespace lockkeeper::engine {

struct News {
  std::vector<Changed> locks;
  bool missed = false;  // some were not told
  News* next = nullptr;
};

}  // namespace lockkeeper::engine
