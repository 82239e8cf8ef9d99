#include "server/doors/lockd_words.h"

#include <utility>
#include <variant>

#include "locks/limits.h"

namespace lockkeeper::server {
namespace {

constexpr std::size_t id_bytes = 128;  // as the original's names; escaped, two of them still fit into a key
const std::string any_client = "lockd:";

// So that no client's id is the beginning of another's.
std::string of_client(const std::string& id) {
  std::string key = any_client;
  for (const char c : id) {
    if (c == ':') {
      key += "%3A";
    } else if (c == '%') {
      key += "%25";
    } else {
      key += c;
    }
  }
  return key + ':';
}

std::string of_request(const LockdRequest& request) {
  return of_client(request.client_id) + request.request_id;
}

std::string holder(const LockdRequest& request) {
  return request.client_id.empty() ? "lockd" : request.client_id;
}

// Ids come back in headers and lists.
std::optional<std::string> id_fault(const char* what, const std::string& id) {
  if (id.size() > id_bytes) {
    return std::string(what) + " is too long (" + std::to_string(id.size()) + " bytes > max of " +
           std::to_string(id_bytes) + ")";
  }
  for (std::size_t at = 0; at < id.size(); ++at) {
    const auto byte = static_cast<unsigned char>(id[at]);
    if (byte < 0x20 || byte == 0x7F) {
      return std::string(what) + " contains control byte " + std::to_string(byte) + " at offset " +
             std::to_string(at);
    }
  }
  if (!locks::valid_utf8(id)) return std::string(what) + " is not UTF-8";
  return std::nullopt;
}

LockdAnswer verdict(Verdict verdict, locks::Version token = 0) {
  LockdAnswer answer;
  answer.verdict = verdict;
  answer.token = token;
  return answer;
}

LockdAnswer conflict(const std::vector<locks::Hold>& holds) {
  LockdAnswer answer = verdict(Verdict::conflict);
  if (!holds.empty()) answer.holder = holds.front();
  return answer;
}

// One overload an outcome.
struct Judge {
  LockdAct act;

  LockdAnswer operator()(const locks::Unavailable&) const { return verdict(Verdict::unavailable); }
  LockdAnswer operator()(const locks::Granted& outcome) const { return verdict(Verdict::done, outcome.token); }
  LockdAnswer operator()(const locks::Renewed& outcome) const { return verdict(Verdict::done, outcome.token); }
  LockdAnswer operator()(const locks::Released& outcome) const {
    return verdict(outcome.released != 0 ? Verdict::done : Verdict::not_found);
  }
  LockdAnswer operator()(const locks::Inspected& outcome) const {
    return verdict(locks::held(outcome.record) ? Verdict::done : Verdict::not_found);
  }
  LockdAnswer operator()(const locks::Refused& outcome) const { return conflict(outcome.holds); }
  LockdAnswer operator()(const locks::NotYours& outcome) const { return conflict(outcome.holds); }
  LockdAnswer operator()(const locks::Gone& outcome) const {
    return act == LockdAct::lock || !outcome.holds.empty() ? conflict(outcome.holds) : verdict(Verdict::not_found);
  }
  LockdAnswer operator()(const locks::Queued& outcome) const {
    LockdAnswer answer = conflict(outcome.holds);
    answer.position = outcome.position;
    answer.waiters = outcome.waiters;
    return answer;
  }
  LockdAnswer operator()(const locks::TooMany& outcome) const {
    LockdAnswer answer = verdict(Verdict::too_many);
    answer.text = "too many " + outcome.what;
    return answer;
  }
  // Not to what a door asks of a lock.
  LockdAnswer operator()(const locks::Noted&) const { return verdict(Verdict::unavailable); }
  LockdAnswer operator()(const locks::Gated&) const { return verdict(Verdict::unavailable); }
};

}  // namespace

std::optional<std::string> lockd_fault(LockdAct act, const LockdRequest& request) {
  if (auto fault = id_fault("Client id", request.client_id)) return fault;
  if (auto fault = id_fault("Request id", request.request_id)) return fault;
  if (act == LockdAct::renew && request.request_id.empty()) return "Renewing needs the request id";
  if (request.overrides && (act == LockdAct::lock || act == LockdAct::renew))
    return "Override is for unlocking only";
  return std::nullopt;
}

bool lockd_named(const LockdRequest& request) {
  return !request.request_id.empty() || request.wait || request.ttl;
}

locks::Command lockd_lock(LockdRequest& request, std::string fresh, locks::Caller caller) {
  locks::Acquire acquire;
  acquire.holder = holder(request);
  if (lockd_named(request)) {
    acquire.key = of_client(request.client_id) + fresh;
    if (request.request_id.empty()) request.request_id = std::move(fresh);
    acquire.claim = of_request(request);
    acquire.request = request.request_id;
    acquire.once = true;
    acquire.ttl = request.ttl;
    acquire.wait = request.wait;
  } else {
    acquire.key = of_client(request.client_id) + fresh;
    acquire.placeless = true;
  }
  return {request.name, std::move(caller), std::move(acquire)};
}

locks::Command lockd_unlock(const LockdRequest& request, locks::Caller caller) {
  locks::Release release;
  release.holder = holder(request);
  if (request.overrides) {
    release.key = any_client;
    release.key_begins = true;
  } else if (request.request_id.empty()) {
    release.key = of_client(request.client_id);
    release.key_begins = true;
  } else {
    release.key = of_client(request.client_id);
    release.key_begins = true;
    release.claim = of_request(request);
    release.request = request.request_id;
  }
  return {request.name, std::move(caller), std::move(release)};
}

locks::Command lockd_is_locked(const LockdRequest& request, locks::Caller caller) {
  return {request.name, std::move(caller), locks::Inspect{}};
}

locks::Command lockd_renew(const LockdRequest& request, locks::Caller caller) {
  locks::Renew renew;
  renew.key = of_client(request.client_id);
  renew.key_begins = true;
  renew.claim = of_request(request);
  renew.ttl = request.ttl;
  return {request.name, std::move(caller), std::move(renew)};
}

LockdAnswer lockd_answer(LockdAct act, const locks::Outcome& outcome) {
  return std::visit(Judge{act}, outcome);
}

}  // namespace lockkeeper::server
