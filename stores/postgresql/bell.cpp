#include "stores/postgresql/bell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "engine/store_error.h"

namespace lockkeeper::stores::postgresql {

Bell::Bell() : socket_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (socket_ < 0) throw engine::StoreError("no descriptor is left for the store");
}

Bell::~Bell() {
  close(socket_);
}

void Bell::ring() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(socket_, &one, sizeof one);
}

void Bell::clear() noexcept {
  std::uint64_t number = 0;
  [[maybe_unused]] const auto read_bytes = read(socket_, &number, sizeof number);
}

}  // namespace lockkeeper::stores::postgresql
