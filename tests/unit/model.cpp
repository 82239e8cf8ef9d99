#include "model.h"

#include <algorithm>
#include <tuple>

namespace lockkeeper::test {

using locks::Acquire;
using locks::Claim;
using locks::Gone;
using locks::Granted;
using locks::Hold;
using locks::NotYours;
using locks::Outcome;
using locks::Refused;
using locks::Release;
using locks::Released;
using locks::Tally;
using locks::TooMany;
using locks::Version;

Model::Model(Version floor, const locks::Limits& limits) : limits_(limits), version_(floor), forgotten_(floor) {}

Outcome Model::ask(const locks::Command& command, locks::WallTime now) {
  now_ = now;
  if (const auto* wanted = std::get_if<Acquire>(&command.what)) return acquire(*wanted, command.caller.by);
  if (const auto* given = std::get_if<Release>(&command.what)) return release(*given);
  if (std::holds_alternative<locks::ForceRelease>(command.what)) return force();
  return locks::Inspected{record()};
}

Outcome Model::acquire(const Acquire& wanted, const std::string& by) {
  if (!wanted.claim.empty()) return acquire_named(wanted, by);
  if (held() && key_ != wanted.key) return Refused{version_, holds()};
  const bool described = !wanted.metadata.empty();
  const auto block = blocks_.find(wanted.holder);
  if (described && described_.size() + named_.size() >= limits_.claim_rows) return TooMany{version_, {}};
  if (!described && block == blocks_.end() && blocks_.size() >= limits_.holders) return TooMany{version_, {}};
  if (!described && block != blocks_.end() && block->second.count >= limits_.tally_count)
    return TooMany{version_, {}};

  event();
  key_ = wanted.key;
  Claim claim{"", wanted.holder, version_, now_, "", version_ - 1, wanted.metadata, by, std::nullopt, version_};
  if (described) {
    described_.push_back(claim);
  } else if (block == blocks_.end()) {
    blocks_[wanted.holder] = Tally{wanted.holder, 1, version_, version_, now_};
  } else {
    ++block->second.count;
    block->second.newest = version_;
  }
  settle();
  return granted(claim);
}

Outcome Model::acquire_named(const Acquire& wanted, const std::string& by) {
  const Version began_at = began(wanted.begun);
  const auto standing = named_.find(wanted.claim);
  if (standing != named_.end()) {
    if (standing->second.request == wanted.request) {
      Granted again = granted(standing->second);
      again.again = true;
      return again;
    }
    if (began_at <= standing->second.begun) return Gone{version_, Gone::Why::superseded, holds()};
  }
  const auto closed = closed_.find(wanted.claim);
  if (closed != closed_.end() && began_at <= closed->second.up_to)
    return Gone{version_, Gone::Why::closed, holds()};
  if (began_at < forgotten_) return Gone{version_, Gone::Why::forgotten, holds()};
  if (held() && key_ != wanted.key) return Refused{version_, holds()};
  const bool takes_over = standing != named_.end();
  if (!takes_over && described_.size() + named_.size() >= limits_.claim_rows) return TooMany{version_, {}};

  event();
  key_ = wanted.key;
  const locks::WallTime since = takes_over ? standing->second.since : now_;
  const Claim claim{wanted.claim, wanted.holder,   version_, since,        wanted.request,
                    began_at,     wanted.metadata, by,       std::nullopt, version_};
  named_[wanted.claim] = claim;
  settle();
  Granted result = granted(claim);
  result.took_over = takes_over;
  return result;
}

Outcome Model::release(const Release& given) {
  if (given.claim.empty()) return release_unnamed(given);
  return given.request.empty() ? release_named(given) : withdraw(given);
}

Outcome Model::release_unnamed(const Release& given) {
  if (!held()) return released(0, false);
  if (key_ != given.key) return NotYours{version_, holds()};

  // The holder's claims by age, each with what ends it.
  struct Ending {
    std::uint64_t ends;
    std::string name;  // to be closed
  };
  std::map<Version, Ending> claims;
  if (const auto block = blocks_.find(given.holder); block != blocks_.end()) {
    claims[block->second.oldest] = {given.all ? block->second.count : 1, ""};
  }
  for (const Claim& claim : described_) {
    if (claim.holder == given.holder) claims[claim.token] = {1, ""};
  }
  for (const auto& [name, claim] : named_) {
    if (claim.holder == given.holder) claims[claim.token] = {1, name};
  }
  if (claims.empty()) return released(0, false);
  if (!given.all) claims.erase(std::next(claims.begin()), claims.end());

  const Version before = version_;
  event();
  std::uint64_t ended = 0;
  for (const auto& [token, ending] : claims) {
    ended += ending.ends;
    if (!ending.name.empty()) {
      named_.erase(ending.name);
      close(ending.name, before);
      continue;
    }
    described_.remove_if([&](const Claim& claim) { return claim.token == token; });
    const auto block = blocks_.find(given.holder);
    if (block == blocks_.end() || block->second.oldest != token) continue;
    block->second.count -= ending.ends;
    if (block->second.count == 0) blocks_.erase(block);
  }
  settle();
  return released(ended, false);
}

Outcome Model::release_named(const Release& given) {
  const bool stands = named_.count(given.claim) != 0;
  if (stands && key_ != given.key) return NotYours{version_, holds()};
  const Version before = version_;
  event();
  named_.erase(given.claim);
  close(given.claim, before);
  settle();
  return released(stands ? 1 : 0, !stands);
}

Outcome Model::withdraw(const Release& given) {
  const auto standing = named_.find(given.claim);
  const bool own = standing != named_.end() && standing->second.request == given.request;
  if (own && key_ != given.key) return NotYours{version_, holds()};
  Version up_to = given.begun || !own ? began(given.begun) : standing->second.begun;
  if (own) up_to = std::max(up_to, standing->second.begun);
  const auto closed = closed_.find(given.claim);
  if (!own && closed != closed_.end() && closed->second.up_to >= up_to) return released(0, true);

  event();
  if (own) named_.erase(standing);
  close(given.claim, up_to);
  settle();
  return released(own ? 1 : 0, !own);
}

Outcome Model::force() {
  if (!held()) return released(0, false);
  const std::uint64_t ended = locks::count(record());
  const Version before = version_;
  event();
  for (const auto& [name, claim] : named_) close(name, before);
  named_.clear();
  described_.clear();
  blocks_.clear();
  settle();
  return released(ended, false);
}

void Model::event() {
  ++version_;
  changed_ = now_;
}

void Model::close(const std::string& name, Version up_to) {
  const auto [at, fresh] = closed_.try_emplace(name, Closed{up_to, now_});
  if (at->second.up_to < up_to) at->second = {up_to, now_};
}

void Model::forget_closed() {
  const auto forget = [&](auto at) {
    forgotten_ = std::max(forgotten_, at->second.up_to + 1);
    return closed_.erase(at);
  };
  for (auto at = closed_.begin(); at != closed_.end();) {
    at = now_ - at->second.at > limits_.closed_for ? forget(at) : std::next(at);
  }
  while (closed_.size() > limits_.closed_names) {
    forget(std::min_element(closed_.begin(), closed_.end(), [](const auto& one, const auto& other) {
      return std::tie(one.second.up_to, one.first) < std::tie(other.second.up_to, other.first);
    }));
  }
}

// After every change: what is forgotten, and that a free lock has no key.
void Model::settle() {
  forget_closed();
  if (!held()) key_.clear();
}

Version Model::began(const std::optional<Version>& begun) const {
  return std::min(begun.value_or(version_), version_);
}

std::vector<Hold> Model::holds() const {
  return locks::holds(record());
}

Granted Model::granted(const Claim& claim) const {
  Granted result;
  result.version = version_;
  result.token = claim.token;
  result.since = claim.since;
  result.count = locks::count(record(), claim.holder);
  if (!claim.name.empty() && result.count > 1) result.others.push_back({claim.holder, result.count - 1, {}, {}});
  return result;
}

Released Model::released(std::uint64_t count, bool withdrawn) const {
  return {version_, count, withdrawn, holds()};
}

locks::Record Model::record() const {
  locks::Record record;
  record.head = {version_, forgotten_, key_, {}, changed_};
  for (const auto& [holder, block] : blocks_) record.head.tallies.push_back(block);
  record.claims.assign(described_.begin(), described_.end());
  for (const auto& [name, claim] : named_) record.claims.push_back(claim);
  std::sort(record.claims.begin(), record.claims.end(),
            [](const Claim& one, const Claim& other) { return one.token < other.token; });
  for (const auto& [name, closed] : closed_) record.closed.push_back({name, closed.up_to, closed.at});
  std::stable_sort(record.closed.begin(), record.closed.end(),
                   [](const auto& one, const auto& other) { return one.up_to < other.up_to; });
  return record;
}

}  // namespace lockkeeper::test
