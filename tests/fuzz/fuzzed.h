// What the targets share: how a broken promise is told to libFuzzer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// Not an assert: it must hold in every build.
#define PROMISE(condition)              \
  do {                                  \
    if (!(condition)) __builtin_trap(); \
  } while (false)

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
