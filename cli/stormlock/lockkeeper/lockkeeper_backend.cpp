#include "cli/stormlock/lockkeeper/lockkeeper_backend.h"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "cli/shown/text.h"
#include "cli/shown/waiting.h"
#include "cli/stormlock/lease_id.h"
#include "cli/trouble.h"
#include "client/retry.h"

namespace lockkeeper::cli::stormlock {
namespace {

using client::Acquisition;
using std::chrono::milliseconds;

bool is_lease_id(const std::string& id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// As acquire() gives it, with blanks around it, and in either case.
std::string plain(std::string id) {
  const char* const blanks = " \t\n\v\f\r";
  id.erase(0, id.find_first_not_of(blanks));
  id.erase(id.find_last_not_of(blanks) + 1);
  for (char& c : id) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return id;
}

[[noreturn]] void is_none(const std::string& id) {
  throw BackendError("'" + harmless(id) +
                     "' is no lease id: that is 32 hexadecimal digits, as acquire has printed them; what `current` "
                     "shows with another id (token-1) stormlock did not take: `lockctl force-release` ends it");
}

// What may be ours: nothing of another shape is.
std::string lease_id(const std::string& id) {
  std::string found = plain(id);
  if (!is_lease_id(found)) is_none(id);
  return found;
}

Lease lease_of(const wire::ClaimView& claim) {
  const std::string id = claim.claim.empty() ? "token-" + std::to_string(claim.token) : claim.claim;
  return {harmless(id), harmless(claim.holder), claim.since};
}

std::string what_next(Trouble::Sort sort, const std::string& section) {
  switch (sort) {
    case Trouble::Sort::address:
      return "correct url (" + section + ")";
    case Trouble::Sort::credentials:
      return "check username and password (" + section + ")";
    case Trouble::Sort::refused:
      return "correct what is asked for";
    case Trouble::Sort::unavailable:
      return "try again later";
    case Trouble::Sort::certificate:
      return "ca_cert (" + section + ") names the file of the authority that signed the server's certificate";
    case Trouble::Sort::unreachable:
      return "check url (" + section + "), and whether the server runs";
    case Trouble::Sort::unknown:
      return "it may have been carried out; ask for the current lease, or try again";
    case Trouble::Sort::interrupted:
      return "it may have been carried out";
    case Trouble::Sort::stranger:
      break;
  }
  return "check url (" + section + ")";
}

}  // namespace

LockkeeperBackend::LockkeeperBackend(const client::Settings& settings, std::string section)
    : section_(std::move(section)), timeout_(settings.request_timeout) {
  once([&] { client_ = std::make_unique<client::LockClient>(settings); });
}

std::variant<Lease, Held> LockkeeperBackend::acquire(const Wish& wish) {
  return take(wish, std::nullopt, {});
}

// A terminal gets lines, too: what is said here may be shown anywhere.
std::variant<Lease, Held> LockkeeperBackend::acquire(const Wish& wish, milliseconds wait, const Telling& tell) {
  Progress lines({}, [&tell](std::string_view line) { tell(std::string(line.substr(0, line.find('\n')))); });
  Waiting waiting(wish.resource, lines);
  return take(wish, wait, waiting.listener());
}

std::variant<Lease, Held> LockkeeperBackend::take(const Wish& wish, std::optional<milliseconds> wait,
                                                  const Acquisition::Listener& listener) {
  const std::string id = to_hex(new_lease_id());
  Acquisition acquisition(*client_,
                          {.lock = wish.resource,
                           .identity = {.key = id, .holder = wish.principal},
                           .claim = id,
                           .metadata = {},
                           .ttl = wish.ttl,
                           .wait = wait,
                           .patience = timeout_},
                          listener);
  const Acquisition::End end = once([&] { return acquisition.run(&interrupt_); });
  if (const auto* granted = std::get_if<Acquisition::Granted>(&end)) {
    return Lease{id, wish.principal, granted->view.since};
  }
  if (const auto* over = std::get_if<Acquisition::Over>(&end)) throw BackendError(over->why + "; try again");
  if (std::holds_alternative<Acquisition::Interrupted>(end)) throw BackendError("interrupted");
  return Held{oldest(wish.resource)};
}

void LockkeeperBackend::release(const std::string& resource, const std::string& given) {
  const std::string id = lease_id(given);
  until_answered([&] { return client_->release_claim(resource, {.key = id, .holder = {}}, id); });
  require_leases();
}

bool LockkeeperBackend::renew(const std::string& resource, const std::string& given, std::chrono::seconds ttl) {
  const std::string id = lease_id(given);
  const auto answer = until_answered([&] { return client_->renew(resource, id, id, 0, ttl); });
  return std::holds_alternative<wire::RenewedView>(answer);
}

std::optional<Lease> LockkeeperBackend::current(const std::string& resource) {
  return oldest(resource);
}

// Others' claims, too, by the names that current() shows.
bool LockkeeperBackend::is_held(const std::string& resource, const std::string& given) {
  const std::string id = plain(given);
  const wire::LockView view = look(resource);
  const bool held = std::any_of(view.claims.begin(), view.claims.end(), [&](const wire::ClaimView& claim) {
    const std::string shown = lease_of(claim).id;
    return shown == given || (is_lease_id(id) && claim.claim == id);
  });
  if (!held && !is_lease_id(id)) is_none(given);
  return held;
}

wire::LockView LockkeeperBackend::look(const std::string& resource) {
  wire::LockView view = once([&] { return client_->lock(resource); });
  require_leases();
  return view;
}

void LockkeeperBackend::require_leases() const {
  if (client_->kind() != client::ServerKind::original) return;
  throw BackendError(client_->url() + " is an original locker server, which has no leases; " +
                     what_next(Trouble::Sort::stranger, section_));
}

std::optional<Lease> LockkeeperBackend::oldest(const std::string& resource) {
  const wire::LockView view = look(resource);
  if (view.claims.empty()) return std::nullopt;
  return lease_of(view.claims.front());
}

template <class Ask>
std::invoke_result_t<Ask> LockkeeperBackend::once(Ask ask) const {
  try {
    return ask();
  } catch (const client::OriginalServer& error) {
    throw BackendError(error.what());
  } catch (const std::exception&) {
    give_up();
  }
}

// What changes something has consequences: it is tried until it is known to be done, or the time is over.
template <class Ask>
std::invoke_result_t<Ask> LockkeeperBackend::until_answered(Ask ask) const {
  using Clock = client::BootClock;
  const auto end = Clock::now() + timeout_;
  client::Backoff backoff({.first = milliseconds(200), .cap = std::chrono::seconds(2)},
                          [random = std::minstd_rand(std::random_device()())]() mutable {
                            return std::uniform_real_distribution<>()(random);
                          });
  for (;;) {
    try {
      return ask();
    } catch (const std::exception&) {
      const Trouble trouble = current_trouble();
      const milliseconds pause = backoff.next(trouble.retry_after);
      if (!trouble.may_pass || Clock::now() + pause >= end) give_up();
      std::this_thread::sleep_for(pause);
    }
  }
}

// Of the exception being handled.
void LockkeeperBackend::give_up() const {
  const Trouble trouble = current_trouble();
  throw BackendError(trouble.what + "; " + what_next(trouble.sort, section_));
}

}  // namespace lockkeeper::cli::stormlock
