#pragma once

#include <string>
#include <string_view>

namespace lockkeeper::resource {

// In lower-case hex.
std::string sha256(std::string_view data);

}  // namespace lockkeeper::resource
