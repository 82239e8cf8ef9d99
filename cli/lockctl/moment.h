// Times as people read them; in UTC, since who talk about a lock may sit in several zones.
#pragma once

#include <string>

#include "locks/time.h"

namespace lockkeeper::cli::lockctl {

std::string moment_text(locks::WallTime time);                     // "2026-11-21 14:02:10Z"; "-": not known
std::string age_text(locks::WallTime since, locks::WallTime now);  // "3m10s"; "-": not known
locks::WallTime wall_now();

}  // namespace lockkeeper::cli::lockctl
