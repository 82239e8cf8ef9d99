#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "server/app.h"
#include "server/commands/commands.h"
#include "server/hardening.h"
#include "server/network.h"
#include "server/signals.h"

int main(int argc, char** argv) {
  using namespace lockkeeper::server;
  keep_memory_private();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const Environment environment = take_environment();
  if (const auto code = run_command(arguments, environment)) return *code;
  hold_signals();
  auto read =
      read_options(arguments, environment, {.ipv6 = has_ipv6(), .cores = std::thread::hardware_concurrency()});
  if (const auto* farewell = std::get_if<Farewell>(&read)) {
    std::cout << farewell->out;
    std::cerr << farewell->err;
    return farewell->code;
  }
  return run(std::get<Options>(std::move(read)));
}
