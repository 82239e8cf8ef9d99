#include "cli/lockcli.h"

#include <optional>
#include <random>
#include <thread>

#include "cli/lockcli_exit.h"
#include "client/gate_client.h"
#include "client/retry.h"

namespace lockkeeper::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Command = LockcliOptions::Command;

// One request. `repeated`: an earlier one may have been carried out.
std::string carry_out(const LockcliOptions& options, milliseconds time, bool repeated) {
  client::Settings settings = options.api;
  settings.request_timeout = time;
  client::GateClient gates(std::move(settings));
  std::optional<client::Gate> gate;
  switch (options.command) {
    case Command::create:
      return gates.create(options.workflow, options.workflow_namespace, options.id).json;
    case Command::remove:
      // What is not there any more was deleted by the earlier one.
      if (gates.remove(options.id) || repeated) return "{}";
      break;
    case Command::get:
      gate = gates.get(options.id);
      break;
    case Command::release:
      gate = gates.release(options.id);
      break;
  }
  if (gate) return gate->json;
  throw Failure(Exit::not_found,
                "no lock has the id " + options.id + ": it was deleted, or the id is not one that create gave");
}

// Tries again while that may help and there is time: each command can be repeated, a creation since its id is
// chosen here.
std::string answer_to(const LockcliOptions& options) {
  const auto end = steady_clock::now() + options.timeout;
  client::Backoff backoff({.first = milliseconds(200), .cap = std::chrono::seconds(2)},
                          [random = std::mt19937(std::random_device()())]() mutable {
                            return std::uniform_real_distribution<>()(random);
                          });
  bool maybe_done = false;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    try {
      try {
        return carry_out(options, left, maybe_done);
      } catch (const Failure&) {
        throw;
      } catch (const std::exception&) {
        throw current_failure();
      }
    } catch (const Failure& failure) {
      maybe_done = maybe_done || failure.maybe_done;
      const milliseconds pause = backoff.next(failure.retry_after);
      if (!failure.may_pass || steady_clock::now() + pause >= end) {
        if (options.command != Command::create || !maybe_done) throw;
        throw Failure(failure.code, failure.what() + std::string("; lockcli get ") + options.id +
                                        " tells whether the lock was created");
      }
      std::this_thread::sleep_for(pause);
    }
  }
}

std::string text_for(const std::vector<std::string>& arguments, const Environment& environment) {
  auto read = read_lockcli_options(arguments, environment);
  if (const auto* farewell = std::get_if<Farewell>(&read)) return farewell->text;
  auto& options = std::get<LockcliOptions>(read);
  if (options.command == Command::create) options.id = client::new_gate_id();
  return answer_to(options) + "\n";
}

}  // namespace

int lockcli(const std::vector<std::string>& arguments, const Environment& environment, std::ostream& out,
            std::ostream& err) {
  try {
    out << text_for(arguments, environment) << std::flush;
    if (!out) throw Failure(Exit::own, "the answer cannot be written: check where the output goes");
    return static_cast<int>(Exit::done);
  } catch (const Failure& failure) {
    err << "lockcli: " << failure.what() << std::endl;
    return static_cast<int>(failure.code);
  } catch (const std::exception& error) {
    err << "lockcli: " << error.what() << std::endl;
    return static_cast<int>(Exit::own);
  }
}

}  // namespace lockkeeper::cli
