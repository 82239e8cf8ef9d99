// The families of numbers that others keep: the engine, the listener.
#pragma once

#include <vector>

#include "engine/engine.h"
#include "http/listener.h"
#include "http/metrics_page.h"

namespace lockkeeper::server {

std::vector<http::Family> engine_families(const engine::Counters& counters, bool ready);
std::vector<http::Family> listener_families(const http::ListenerCounters& counters);

}  // namespace lockkeeper::server
