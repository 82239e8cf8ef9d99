// The clock of this boot of the machine, by which a store tells how old a row is. It goes on while the machine
// sleeps and while no server runs, nobody can set it, and it means nothing under another boot.
#pragma once

#include <chrono>
#include <string>

namespace lockkeeper::stores {

class BootClock {
 public:
  virtual ~BootClock() = default;
  virtual std::string boot() const = 0;  // which one; empty: not known, and never the same as another one
  virtual std::chrono::nanoseconds now() const = 0;
};

}  // namespace lockkeeper::stores
