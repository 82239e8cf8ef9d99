// Configuration files of stormlock's.
#include "cli/stormlock/configuration.h"
#include "fuzzed.h"

using namespace lockkeeper::cli::stormlock;

namespace {

template <class Call>
void sentence_or_value(const Call& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    PROMISE(error.what()[0] != '\0');
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sentence_or_value([&] {
    const Configuration file(IniFile("f.cfg", text_of(data, size)));
    sentence_or_value([&] { PROMISE(!file.backend("db").empty()); });
    sentence_or_value([&] { PROMISE(file.ttl("db") >= std::chrono::seconds(1)); });
    sentence_or_value([&] { file.require_ttl("db"); });
    sentence_or_value([&] { PROMISE(!file.principal("db", {{"USER", "u"}}).empty()); });
    const Section section = file.backend_section("redis");
    for (const auto& key : section.keys()) {
      sentence_or_value([&] { PROMISE(section.get(key).has_value()); });
      sentence_or_value([&] { section.number(key); });
    }
  });
  return 0;
}
