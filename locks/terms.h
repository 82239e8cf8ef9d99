// What the server's configuration says of a lock's holds and places, by the lock's name.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper::locks {

struct Terms {
  std::optional<std::chrono::milliseconds> max_hold;    // bounds every hold granted under it
  std::optional<std::chrono::milliseconds> warn_after;  // holds that stand longer are told of (by the engine)
  std::chrono::milliseconds grace = std::chrono::seconds(60);  // how long a place or an offer waits for its client
  // A plain request that is refused keeps a place under its key and holder for so long (hold-place-for-refused).
  std::optional<std::chrono::milliseconds> place_for_refused;
};

// `max_hold` and `warn_after` of locks whose name matches `pattern` ("deploy-*", "db/?"; see matches()).
struct TermsOf {
  std::string pattern;
  std::optional<std::chrono::milliseconds> max_hold;
  std::optional<std::chrono::milliseconds> warn_after;
};

// `*`: any text, also with slashes and also none; `?`: one byte; everything else stands for itself.
bool matches(std::string_view pattern, std::string_view name);

// The first pattern that matches and has the value decides it, else what `general` says.
Terms terms_of(const Terms& general, const std::vector<TermsOf>& by_name, std::string_view lock);

}  // namespace lockkeeper::locks
