// Durations as people type them, and times as servers write them.
#include <chrono>
#include <variant>

#include "fuzzed.h"
#include "locks/duration.h"
#include "wire/time_text.h"

namespace locks = lockkeeper::locks;
namespace wire = lockkeeper::wire;
using std::chrono::milliseconds;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const auto parsed = locks::parse_duration(text);
  if (const auto* duration = std::get_if<milliseconds>(&parsed)) {
    PROMISE(*duration >= milliseconds(0) && *duration <= std::chrono::years(101));
    PROMISE(!locks::format_duration(*duration).empty());
  } else {
    PROMISE(!std::get<locks::DurationFault>(parsed).text.empty());
  }
  if (const auto time = wire::parse_time(text)) {
    // A zone may lead out of the years that the format has.
    const auto again = wire::parse_time(wire::time_text(*time));
    PROMISE(again.has_value());
    PROMISE(wire::time_text(*again) == wire::time_text(*time));
  }
  return 0;
}
