#include <unistd.h>

#include <iostream>

#include "cli/lockcli.h"

int main(int argc, char** argv) {
  using namespace lockkeeper::cli;
  return lockcli({argv + 1, argv + argc}, environment_of(environ), std::cout, std::cerr);
}
