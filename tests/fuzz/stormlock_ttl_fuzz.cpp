// Ttl texts of stormlock's, and its whole command line: a word a line.
#include <chrono>
#include <string>
#include <vector>

#include "cli/stormlock/options.h"
#include "cli/stormlock/ttl.h"
#include "fuzzed.h"

using namespace lockkeeper::cli::stormlock;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const auto parsed = parse_ttl(text);
  if (const auto* ttl = std::get_if<std::chrono::seconds>(&parsed)) {
    PROMISE(*ttl >= std::chrono::seconds(1) && *ttl < std::chrono::days(1'000'000'000));
    PROMISE(std::get<std::chrono::seconds>(parse_ttl(std::to_string(ttl->count()) + "s")) == *ttl);
  } else {
    PROMISE(!std::get<TtlFault>(parsed).text.empty());
  }
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == '\n') {
      words.emplace_back();
    } else if (c != '\0') {
      words.back() += c;
    }
  }
  try {
    const auto read = read_options(words);
    if (const auto* options = std::get_if<Options>(&read)) {
      PROMISE(!options->ttl || *options->ttl >= std::chrono::seconds(1));
      PROMISE(!options->wait || *options->wait >= std::chrono::milliseconds(1));
    }
  } catch (const UsageError& error) {
    PROMISE(std::string_view(error.what()).starts_with("usage: stormlock"));
  }
  return 0;
}
