// lockctl's commands. Each returns its exit code, and throws what current_failure() (exit.h) knows.
#pragma once

#include <span>

#include "cli/lockctl/command_line.h"
#include "cli/lockctl/session.h"

namespace lockkeeper::cli::lockctl {

std::span<const CommandKind> commands();

int list(Session& session);
int show(Session& session);
int lock(Session& session);
int unlock(Session& session);
int queue(Session& session);
int history(Session& session);
int force_release(Session& session);
int status(Session& session);
int run_command(Session& session);
int completion(Session& session);
int complete(Session& session);  // for the shells' scripts; not in --help

}  // namespace lockkeeper::cli::lockctl
