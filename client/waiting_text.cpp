#include "client/waiting_text.h"

#include <algorithm>

#include "locks/duration.h"
#include "wire/time_text.h"

namespace lockkeeper::client {

std::string holder_text(const wire::HoldView& hold, locks::WallTime now) {
  std::string text = hold.holder;
  if (hold.count > 1) text += " (" + std::to_string(hold.count) + " times)";
  for (const auto& [name, value] : hold.metadata) {
    if (name == "url" && !value.empty()) text += " (" + value + ")";
  }
  if (hold.since == locks::WallTime{}) return text;       // an original server does not know
  const std::string since = wire::time_text(hold.since);  // "2026-11-21T09:05:00.000Z"
  const std::string today = wire::time_text(now);
  const std::string day = since.substr(0, 10) == today.substr(0, 10) ? "" : since.substr(0, 10) + " ";
  text += " since " + day + since.substr(11, 5) + "Z (" + seconds_text(now - hold.since) + ")";
  return text;
}

std::string seconds_text(std::chrono::milliseconds duration) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(duration);
  return seconds.count() <= 0 ? "0s" : locks::format_duration(seconds);
}

std::string holders_text(const std::vector<wire::HoldView>& holders, locks::WallTime now) {
  if (holders.empty()) return "nobody";
  std::string text = holder_text(holders.front(), now);
  if (holders.size() > 1) text += " and " + std::to_string(holders.size() - 1) + " more";
  return text;
}

std::string place_text(const wire::QueuedView& queued) {
  constexpr std::size_t kShown = 3;
  std::string text = queued.position == 1 ? "next" : "place " + std::to_string(queued.position);
  if (queued.waiters > 1) text += " of " + std::to_string(queued.waiters);
  text += " in the queue";
  const std::uint64_t before = queued.position > 0 ? queued.position - 1 : 0;
  const std::size_t shown = std::min({kShown, queued.ahead.size(), std::size_t{before}});
  for (std::size_t i = 0; i < shown; ++i) {
    text += (i == 0 ? ", behind " : i + 1 == before ? " and " : ", ") + queued.ahead[i].holder;
  }
  if (shown > 0 && before > shown) text += " and " + std::to_string(before - shown) + " more";
  if (queued.estimate) text += "; about " + seconds_text(*queued.estimate) + " to go";
  return text;
}

}  // namespace lockkeeper::client
