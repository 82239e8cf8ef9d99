#include <unistd.h>

#include <iostream>

#include "cli/lockctl/lockctl.h"

int main(int argc, char** argv) {
  using namespace lockkeeper::cli;
  return lockctl::lockctl({argv + 1, argv + argc}, environment_of(environ), std::cout, std::cerr);
}
