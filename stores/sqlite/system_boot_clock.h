// Linux's CLOCK_BOOTTIME and boot id.
#pragma once

#include "stores/boot_clock.h"

namespace lockkeeper::stores::sqlite {

class SystemBootClock final : public BootClock {
 public:
  std::string boot() const override;
  std::chrono::nanoseconds now() const override;
};

}  // namespace lockkeeper::stores::sqlite
