#include <iostream>

#include "tests/simulation/simulate.h"

int main(int argc, char** argv) {
  return lockkeeper::simulation::simulate({argv + 1, argv + argc}, std::cout, std::cerr);
}
