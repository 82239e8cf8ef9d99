#include "cli/shown/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <string>

namespace lockkeeper::cli {
namespace {

constexpr std::size_t usual_width = 80;

std::size_t columns(int descriptor, const std::string& told) {
  std::size_t width = 0;
  const auto [end, fault] = std::from_chars(told.data(), told.data() + told.size(), width);
  if (fault == std::errc() && end == told.data() + told.size() && width > 0) return width;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return usual_width;
}

}  // namespace

Terminal terminal_of(int descriptor, const Environment& environment) {
  Terminal terminal;
  terminal.is_one = isatty(descriptor) == 1;
  if (!terminal.is_one) return terminal;
  const std::string kind = variable(environment, "TERM");
  terminal.rewrites = !kind.empty() && kind != "dumb";
  terminal.colours = terminal.rewrites && variable(environment, "NO_COLOR").empty();
  terminal.width = columns(descriptor, variable(environment, "COLUMNS"));
  return terminal;
}

}  // namespace lockkeeper::cli
