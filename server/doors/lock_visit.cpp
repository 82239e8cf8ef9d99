#include "server/doors/lock_visit.h"

#include <chrono>
#include <utility>

#include "server/doors/word.h"

namespace lockkeeper::server {

void OpenPolls::close() {
  closed_ = true;
  for (OpenPoll* poll : polls_) poll->leave();
}

LockVisit::~LockVisit() {
  forget();
}

void LockVisit::ask() {
  if (auto* command = std::get_if<locks::Command>(&question)) {
    auto* acquire = std::get_if<locks::Acquire>(&command->what);
    if (acquire != nullptr && acquire->wait) watch(*acquire);
  }
  desk_.ask(*this, exchange.io());
}

void LockVisit::watch(locks::Acquire& acquire) {
  polls_ = waits = true;
  claim_ = acquire.claim;
  request_ = acquire.request;
  if (desk_.polls(exchange.io()).closed()) acquire.wait = std::chrono::milliseconds(0);
  desk_.polls(exchange.io()).add(*this);
  watched_ = true;
  exchange.when_client_gone([this] {
    left_ = true;
    leave();
  });
}

void LockVisit::forget() noexcept {
  if (watched_) desk_.polls(exchange.io()).remove(*this);
  watched_ = false;
}

void LockVisit::leave() noexcept {
  say(engine::Leave{lock, claim_, this});
}

// Neither granted nor over: its time was, or it was sent home.
bool LockVisit::still_waits() const noexcept {
  const auto& outcome = std::get<locks::Outcome>(answer);
  const auto* unavailable = std::get_if<locks::Unavailable>(&outcome);
  return std::holds_alternative<locks::Queued>(outcome) || (unavailable != nullptr && !unavailable->unknown);
}

// Also one that this poll only repeats: the engine knows whether others heard of it, who may be at work.
const locks::Granted* LockVisit::granted() const noexcept {
  const auto* outcome = std::get_if<locks::Outcome>(&answer);
  return outcome == nullptr || !told ? nullptr : std::get_if<locks::Granted>(outcome);
}

// So that a lock is never left with a client that died while it waited.
bool LockVisit::give_back() noexcept {
  polls_ = false;  // once
  return say(locks::Command{lock, {"", "server"}, locks::GiveBack{claim_, request_, granted()->token}});
}

// Unsaid, the poll ends when its time is over, the claim with its ttl.
bool LockVisit::say(decltype(engine::Call::question)&& word) noexcept {
  return server::say(desk_, exchange.io(), std::move(word));
}

http::Response LockVisit::reply() {
  forget();
  if (polls_) {
    if (granted() != nullptr && (left_ || exchange.client_gone()) && give_back()) {
      return unavailable_reply({"the client left before it was granted the lock", false});
    }
    if (desk_.polls(exchange.io()).closed() && still_waits()) {
      return unavailable_reply({"the server is stopping; the place in the queue is kept", false});
    }
  }
  return speak();
}

void LockVisit::unheard() noexcept {
  if (polls_ && granted() != nullptr) give_back();
}

}  // namespace lockkeeper::server
