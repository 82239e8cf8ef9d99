// lockctl list --watch, until a signal comes.
#pragma once

#include <string>

#include "cli/lockctl/session.h"

namespace lockkeeper::cli::lockctl {

// Redraws what fits the window. Leaves the terminal as it was, also when it throws.
void watch_on_terminal(Session& session, const std::string& prefix);

// What is held, then a line for each change: "2026-11-21 14:02:10Z  production: held by ...". With --json a lock a
// line.
void watch_changes(Session& session, const std::string& prefix);

}  // namespace lockkeeper::cli::lockctl
