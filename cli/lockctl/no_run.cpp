// In a build without lockctl_run.
#include "cli/lockctl/commands.h"
#include "cli/lockctl/exit.h"

namespace lockkeeper::cli::lockctl {

int run_command(Session&) {
  throw Failure(Exit::usage, "this lockctl is built without run");
}

}  // namespace lockkeeper::cli::lockctl
