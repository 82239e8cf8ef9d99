#pragma once

#include <string>

namespace lockkeeper::resource {

// BUILD_PIPELINE_INSTANCE_VARS for people: {"branch":"x","env":{"name":"prod"}} -> "{branch: x, env.name: prod}".
// "" -> "". What is not a JSON object stays as it is.
std::string readable_instance_vars(const std::string& json);

}  // namespace lockkeeper::resource
