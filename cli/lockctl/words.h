// Sentences that several commands say. Text from the server is harmless to a terminal afterwards.
#pragma once

#include <string>
#include <vector>

#include "wire/native_json.h"

namespace lockkeeper::cli::lockctl {

// "alice@bastion since 14:02Z (3m10s) and 2 more"; "nobody".
std::string holders_text(const std::vector<wire::HoldView>& holders);

// "build=12 url=https://..."
std::string metadata_text(const locks::Metadata& metadata);

// A word that a shell takes as it is.
std::string quoted(const std::string& word);

}  // namespace lockkeeper::cli::lockctl
