// What Prometheus expects every program to tell of itself, under the names that all its clients use.
#pragma once

#include <string_view>
#include <vector>

#include "http/metrics_page.h"

namespace lockkeeper::http {

// process_*: processor time, memory, files, start, read from /proc. What cannot be read is without a sample.
std::vector<Family> process_metrics();

// lockkeeper_build_info{version} is 1.
Family build_info(std::string_view version);

}  // namespace lockkeeper::http
