// GET /locks?status=released&wait=25s&since=CURSOR at the workflow door: what was released since, as a long poll.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "server/doors/door.h"

namespace lockkeeper::server {

// Whether the query is such a one, and not a list's.
bool asks_for_gate_feed(std::string_view query);

// A fault's text, or what the query asks for.
std::variant<std::string, engine::ReadGates> parse_gate_feed_query(std::string_view query);

void serve_gate_feed(FrontDesk& desk, http::Exchange& exchange, engine::ReadGates asked, std::string_view door,
                     std::string user);

}  // namespace lockkeeper::server
