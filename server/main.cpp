#include <iostream>
#include <thread>

#include "server/app.h"
#include "server/hardening.h"
#include "server/network.h"
#include "server/signals.h"

int main(int argc, char** argv) {
  using namespace lockkeeper::server;
  keep_memory_private();
  hold_signals();
  auto read = read_options({argv + 1, argv + argc}, take_environment(),
                           {.ipv6 = has_ipv6(), .cores = std::thread::hardware_concurrency()});
  if (const auto* farewell = std::get_if<Farewell>(&read)) {
    std::cout << farewell->out;
    std::cerr << farewell->err;
    return farewell->code;
  }
  return run(std::get<Options>(std::move(read)));
}
