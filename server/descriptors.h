// Open files: every connection is one.
#pragma once

#include <cstddef>

namespace lockkeeper::server {

// Raises what this process may have open to what it is allowed to ask for; returns it.
std::size_t raise_descriptor_limit();

// How many of the connections asked for fit, beside what else is open.
std::size_t connections_that_fit(std::size_t wanted, std::size_t descriptors, std::size_t io_threads);

}  // namespace lockkeeper::server
