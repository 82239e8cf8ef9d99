#include "cli/run/run.h"

#include "cli/lockctl/commands.h"
#include "cli/lockctl/exit.h"
#include "cli/lockctl/own_claim.h"

namespace lockkeeper::cli::lockctl {

int run_command(Session& session) {
  const Line& line = session.line;
  if (session.json()) throw Failure(Exit::usage, "run takes no --json: its output is the command's");
  run::RunOrder order;
  order.lock = session.lock();
  // Each run is a purpose of its own, unless told otherwise.
  order.identity = {.key = session.configuration.key, .holder = session.configuration.holder};
  order.claim = line.text("claim");
  order.metadata = metadata_of(line);
  order.ttl = line.duration("ttl").value_or(order.ttl);
  order.wait = wait_of(line);
  order.grace = line.duration("grace").value_or(order.grace);
  order.words.assign(line.words.begin() + 1, line.words.end());
  return run::run(order, session.configuration.api, session.environment, session.err);
}

}  // namespace lockkeeper::cli::lockctl
