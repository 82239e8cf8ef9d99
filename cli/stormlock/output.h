// The process's standard streams, as descriptors: a result that cannot be written has consequences here, so nothing
// is buffered.
#pragma once

#include <string_view>

namespace lockkeeper::cli::stormlock {

// Where one of the standard descriptors is closed, something useless takes its place, so that no connection becomes
// the standard output; and a pipe that nobody reads is an error to write to. Once, at the start.
void secure_standard_streams();

// Whether all of it was written. errno tells why not.
bool write_all(int descriptor, std::string_view text);

}  // namespace lockkeeper::cli::stormlock
