#include "server/doors/lock_visit.h"

#include <chrono>
#include <exception>
#include <utility>

#include "server/doors/poll_answer.h"
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
  if (nameless) out_ = withdraw(lock, acquire);
  if (desk_.polls(exchange.io()).closed()) acquire.wait = std::chrono::milliseconds(0);
  desk_.polls(exchange.io()).add(*this);
  watched_ = true;
  exchange.when_client_gone([this] {
    left_ = true;
    leave();
    take_back();
  });
}

void LockVisit::forget() noexcept {
  if (watched_) desk_.polls(exchange.io()).remove(*this);
  watched_ = false;
}

void LockVisit::leave() noexcept {
  say(engine::Leave{lock, claim_, this});
}

bool LockVisit::give_back() noexcept {
  polls_ = false;  // once
  // Whatever state the store is in: an offer, which ends by itself. What takes that back may be refused.
  const bool said = say(server::give_back(lock, claim_, request_, told_of_grant(*this)->token));
  take_back();
  return said;
}

void LockVisit::take_back() noexcept {
  try {
    if (out_) say(locks::Command(*out_));
  } catch (const std::exception&) {  // out of memory: the place, or the offer, ends with its grace
  }
}

// Unsaid, the poll ends when its time is over, the claim with its ttl.
bool LockVisit::say(decltype(engine::Call::question)&& word) noexcept {
  return server::say(desk_, exchange.io(), std::move(word));
}

http::Response LockVisit::reply() {
  forget();
  if (polls_) {
    if (told_of_grant(*this) != nullptr && (left_ || exchange.client_gone()) && give_back()) {
      return unavailable_reply({"the client left before it was granted the lock", false});
    }
    if (desk_.polls(exchange.io()).closed() && still_waits(*this)) {
      return unavailable_reply({"the server is stopping; the place in the queue is kept", false});
    }
  }
  return speak();
}

void LockVisit::unheard() noexcept {
  if (polls_ && told_of_grant(*this) != nullptr) give_back();
}

}  // namespace lockkeeper::server
