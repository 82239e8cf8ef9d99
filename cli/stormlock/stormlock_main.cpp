#include <unistd.h>

#include "cli/stormlock/backend_module.h"
#include "cli/stormlock/output.h"
#include "cli/stormlock/stormlock.h"

int main(int argc, char** argv) {
  using namespace lockkeeper::cli::stormlock;
  secure_standard_streams();
  Surroundings surroundings;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos) surroundings.environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  surroundings.backend = load_backend;
  surroundings.out = [](std::string_view text) { return write_all(STDOUT_FILENO, text); };
  surroundings.err = [](std::string_view text) { return write_all(STDERR_FILENO, text); };
  return stormlock({argv + 1, argv + argc}, surroundings);
}
