#include <unistd.h>

#include <iostream>

#include "cli/lockcli.h"

int main(int argc, char** argv) {
  lockkeeper::cli::Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return lockkeeper::cli::lockcli({argv + 1, argv + argc}, environment, std::cout, std::cerr);
}
