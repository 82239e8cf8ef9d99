#include "locks/terms.h"

namespace lockkeeper::locks {

// The last star that was met takes one byte more whenever the rest does not fit: linear but for nested stars, where
// it is quadratic, and never deep.
bool matches(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t in = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  while (at < name.size()) {
    if (in < pattern.size() && pattern[in] == '*') {
      star = in++;
      taken = at;
    } else if (in < pattern.size() && (pattern[in] == '?' || pattern[in] == name[at])) {
      ++in;
      ++at;
    } else if (star != std::string_view::npos) {
      in = star + 1;
      at = ++taken;
    } else {
      return false;
    }
  }
  while (in < pattern.size() && pattern[in] == '*') ++in;
  return in == pattern.size();
}

Terms terms_of(const Terms& general, const std::vector<TermsOf>& by_name, std::string_view lock) {
  Terms terms = general;
  bool hold = false;
  bool warn = false;
  for (const TermsOf& one : by_name) {
    if (hold && warn) break;
    if ((hold || !one.max_hold) && (warn || !one.warn_after)) continue;
    if (!matches(one.pattern, lock)) continue;
    if (!hold && one.max_hold) {
      terms.max_hold = one.max_hold;
      hold = true;
    }
    if (!warn && one.warn_after) {
      terms.warn_after = one.warn_after;
      warn = true;
    }
  }
  return terms;
}

}  // namespace lockkeeper::locks
