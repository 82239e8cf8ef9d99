// The names under which gates are kept, among the locks and in no lock's way.
#pragma once

#include <string>
#include <string_view>

namespace lockkeeper::locks {

// Locks' names have no control characters (limits.h), so these are before all of them in byte order.
inline constexpr std::string_view gate_prefix = "\x01gate/";
// Every lock's name is behind this one, every gate's before it.
inline constexpr std::string_view gates_end = "\x01gate0";

std::string gate_name(std::string_view id);
bool is_gate(std::string_view name);
// What was put into gate_name().
std::string_view gate_id(std::string_view name);

}  // namespace lockkeeper::locks
