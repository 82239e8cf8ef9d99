// What a door looks for in the answer to a poll: a request that waited for a lock, and whose client may have left.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "engine/call.h"

namespace lockkeeper::server {

// Neither granted nor over: its time was, or it was sent home.
inline bool still_waits(const engine::Call& poll) noexcept {
  const auto* outcome = std::get_if<locks::Outcome>(&poll.answer);
  if (outcome == nullptr) return false;
  const auto* unavailable = std::get_if<locks::Unavailable>(outcome);
  return std::holds_alternative<locks::Queued>(*outcome) || (unavailable != nullptr && !unavailable->unknown);
}

// Also one that this poll only repeats: the engine knows whether others heard of it, who may be at work.
inline const locks::Granted* told_of_grant(const engine::Call& poll) noexcept {
  const auto* outcome = std::get_if<locks::Outcome>(&poll.answer);
  return outcome == nullptr || !poll.told ? nullptr : std::get_if<locks::Granted>(outcome);
}

// So that a lock is never left with a client that died while it waited.
inline locks::Command give_back(std::string lock, std::string claim, std::string request, locks::Version token) {
  return {std::move(lock), {"", "server"}, locks::GiveBack{std::move(claim), std::move(request), token}};
}

// Of who can't come back for its place, since nobody was told its name.
inline locks::Command withdraw(std::string lock, const locks::Acquire& acquire) {
  locks::Release release;
  release.key = acquire.key;
  release.holder = acquire.holder;
  release.claim = acquire.claim;
  release.request = acquire.request;
  return {std::move(lock), {"", "server"}, std::move(release)};
}

}  // namespace lockkeeper::server
