#include <cstdlib>
#include <iostream>

#include "agent/app.h"

int main(int argc, char** argv) {
  using namespace lockkeeper::agent;
  keep_memory_private();
  hold_signals();
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  const auto read = read_options({argv + 1, argv + argc}, environment);
  if (const auto* farewell = std::get_if<Farewell>(&read)) {
    std::cout << farewell->out;
    std::cerr << farewell->err;
    return farewell->code;
  }
  return run(std::get<Options>(read));
}
