// Targets of requests: taking one apart loses nothing, and decoding never makes it longer.
#include "fuzzed.h"
#include "server/target.h"

namespace server = lockkeeper::server;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const server::Target target = server::split_target(text);
  PROMISE(target.path.size() + target.query.size() <= text.size());
  PROMISE(target.path.find('?') == std::string_view::npos);
  if (const auto decoded = server::percent_decode(target.path)) PROMISE(decoded->size() <= target.path.size());
  if (const auto decoded = server::query_decode(target.query)) PROMISE(decoded->size() <= target.query.size());
  for (const char* name : {"limit", "after", "prefix", "view"}) {
    if (const auto value = server::parameter(target.query, name)) {
      PROMISE(value->size() <= target.query.size());
      (void)server::whole_number(*value);
    }
  }
  return 0;
}
