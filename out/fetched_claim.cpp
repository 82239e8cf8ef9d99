#include "out/fetched_claim.h"

#include <charconv>
#include <fstream>
#include <iterator>

#include "resource/ends.h"

namespace lockkeeper::out {
namespace {

// Without the newline at the end that an editor or a task may have left.
std::string field(const std::string& folder, const char* name) {
  std::ifstream file(folder + "/" + name, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

locks::Version number(const std::string& text) {
  locks::Version number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? number : 0;
}

}  // namespace

FetchedClaim read_fetched(const std::string& folder) {
  FetchedClaim fetched{field(folder, "lock"), field(folder, "lock_by"), field(folder, "claim"),
                       number(field(folder, "token")), field(folder, "key")};
  if (fetched.lock.empty()) {
    throw resource::StepFailed(
        "params.from names no folder of a fetched lock: it has no file \"lock\" (was it got "
        "with skip_download?)");
  }
  return fetched;
}

}  // namespace lockkeeper::out
