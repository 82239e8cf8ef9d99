#include "cli/lockctl/moment.h"

#include "locks/duration.h"
#include "wire/time_text.h"

namespace lockkeeper::cli::lockctl {

std::string moment_text(locks::WallTime time) {
  if (time == locks::WallTime{}) return "-";
  std::string text = wire::time_text(time);  // "2026-11-21T14:02:10.123Z"
  text[10] = ' ';
  return text.substr(0, 19) + "Z";
}

std::string age_text(locks::WallTime since, locks::WallTime now) {
  if (since == locks::WallTime{}) return "-";
  const auto age = std::chrono::floor<std::chrono::seconds>(now - since);
  return age.count() <= 0 ? "0s" : locks::format_duration(age);
}

locks::WallTime wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace lockkeeper::cli::lockctl
