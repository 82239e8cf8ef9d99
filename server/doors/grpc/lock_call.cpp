#include "server/doors/grpc/lock_call.h"

#include <exception>
#include <memory>
#include <utility>

#include "server/doors/poll_answer.h"
#include "server/doors/word.h"
#include "server/random_name.h"

namespace lockkeeper::server {
namespace {

using grpc::Status;
using grpc::StatusCode;

// What the client did wrong, or may not.
struct Refusal {
  Status status;
};

std::string_view authorization(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  return found == metadata.end() ? std::string_view()
                                 : std::string_view(found->second.data(), found->second.size());
}

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok())
    throw Refusal{Status(StatusCode::INTERNAL, "there is no request")};
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

const char* path(LockdAct act) {
  switch (act) {
    case LockdAct::lock:
      return "/lockapi.Locking/Lock";
    case LockdAct::unlock:
      return "/lockapi.Locking/Unlock";
    case LockdAct::renew:
      return "/lockapi.Locking/Renew";
    case LockdAct::is_locked:
      break;
  }
  return "/lockapi.Locking/IsLocked";
}

Status unavailable(const locks::Unavailable& why) {
  return {StatusCode::UNAVAILABLE, why.unknown ? "outcome unknown: " + why.why : why.why};
}

}  // namespace

bool OpenCalls::enter() {
  const std::lock_guard guard(mutex_);
  if (closed_) return false;
  ++open_;
  return true;
}

void OpenCalls::over() {
  const std::lock_guard guard(mutex_);
  if (--open_ == 0) none_.notify_all();
}

bool OpenCalls::wait(LockCall& call) {
  const std::lock_guard guard(mutex_);
  waiting_.insert(&call);
  return !closed_;
}

void OpenCalls::waited(LockCall& call) {
  const std::lock_guard guard(mutex_);
  waiting_.erase(&call);
}

void OpenCalls::close() {
  const std::lock_guard guard(mutex_);
  closed_ = true;
  for (LockCall* call : waiting_) call->leave();
}

void OpenCalls::wait_for_end(std::chrono::milliseconds limit) {
  std::unique_lock guard(mutex_);
  none_.wait_for(guard, limit, [this] { return open_ == 0; });
}

LockCall::LockCall(GrpcDesk& desk, OpenCalls& calls, LockdAct act, const grpc::CallbackServerContext& context,
                   const grpc::ByteBuffer& request, grpc::ByteBuffer& response)
    : desk_(desk), calls_(calls), act_(act), context_(context), response_(response) {
  try {
    begin(request);
  } catch (const Refusal& refusal) {
    finish(refusal.status);
  } catch (const std::exception&) {
    finish({StatusCode::UNKNOWN, "internal error"});
  }
}

void LockCall::begin(const grpc::ByteBuffer& request) {
  if (!desk_.admits(authorization(context_), user_)) {
    throw Refusal{Status(StatusCode::UNAUTHENTICATED, "Please Authenticate")};
  }
  entered_ = calls_.enter();
  if (!entered_) throw Refusal{Status(StatusCode::UNAVAILABLE, "the server is stopping")};
  auto read = read_message(act_, bytes_of(request));
  if (const auto* fault = std::get_if<MessageFault>(&read)) {
    throw Refusal{Status(fault->unreadable ? StatusCode::INTERNAL : StatusCode::INVALID_ARGUMENT, fault->text)};
  }
  message_ = std::get<LockdMessage>(std::move(read));
  auto fault = lockd_fault(act_, message_.request);
  if (fault) throw Refusal{Status(StatusCode::INVALID_ARGUMENT, *fault)};
  const bool nameless = message_.request.request_id.empty();
  locks::Command asked = command();
  fault = locks::fault(asked, desk_.limits());
  if (fault) throw Refusal{Status(StatusCode::INVALID_ARGUMENT, *fault)};
  auto* acquire = std::get_if<locks::Acquire>(&asked.what);
  if (acquire != nullptr && acquire->wait) watch(*acquire, nameless);
  question = std::move(asked);
  desk_.ask(*this);  // from here on its answer may be under way
}

locks::Command LockCall::command() {
  locks::Caller caller{user_, std::string(grpc_door)};
  switch (act_) {
    case LockdAct::lock:
      return lockd_lock(message_.request, random_name(), std::move(caller));
    case LockdAct::unlock:
      return lockd_unlock(message_.request, std::move(caller));
    case LockdAct::renew:
      return lockd_renew(message_.request, std::move(caller));
    case LockdAct::is_locked:
      break;
  }
  return lockd_is_locked(message_.request, std::move(caller));
}

void LockCall::watch(locks::Acquire& acquire, bool nameless) {
  claim_ = acquire.claim;
  request_ = acquire.request;
  if (nameless) out_ = withdraw(message_.request.name, acquire);
  waits_ = true;
  if (!calls_.wait(*this)) acquire.wait = std::chrono::milliseconds(0);
}

void LockCall::leave() noexcept {
  say(engine::Leave{message_.request.name, claim_, this});
}

void LockCall::OnCancel() {
  left_ = true;
  if (!waits_) return;
  leave();
  take_back();
}

void LockCall::answered() noexcept {
  Status status;
  try {
    status = conclude();
  } catch (const std::exception&) {
    status = Status(StatusCode::UNKNOWN, "internal error");
  }
  finish(std::move(status));
}

Status LockCall::conclude() {
  if (waits_) {
    calls_.waited(*this);
    if (left_ && told_of_grant(*this) != nullptr && give_back()) {
      return {StatusCode::CANCELLED, "the client left before it was granted the lock"};
    }
    if (calls_.closed() && still_waits(*this)) {
      return {StatusCode::UNAVAILABLE, "the server is stopping; the place in the queue is kept"};
    }
  }
  const auto& outcome = std::get<locks::Outcome>(answer);
  if (const auto* why = std::get_if<locks::Unavailable>(&outcome)) return unavailable(*why);
  const LockdAnswer answered = lockd_answer(act_, outcome);
  if (answered.verdict == Verdict::too_many) return {StatusCode::RESOURCE_EXHAUSTED, answered.text};
  const grpc::Slice bytes(write_message(act_, message_, answered));
  response_ = grpc::ByteBuffer(&bytes, 1);
  return Status::OK;
}

// The last word: OnDone() may end this call on another thread before Finish() returns.
void LockCall::finish(Status status) noexcept {
  code_ = status.error_code();
  Finish(std::move(status));
}

void LockCall::OnDone() {
  const bool unheard = context_.IsCancelled();
  if (unheard && waits_ && told_of_grant(*this) != nullptr) give_back();
  GrpcCall call;
  call.path = path(act_);
  call.known = true;
  call.code = unheard ? StatusCode::CANCELLED : code_;
  call.waits = waits_;
  call.took = std::chrono::steady_clock::now() - began_;
  call.body_bytes = code_ == StatusCode::OK ? response_.Length() : 0;
  const std::string peer = peer_text(context_.peer());
  call.peer = peer;
  call.user = user_;
  desk_.finished(call);
  if (entered_) calls_.over();
  delete this;
}

bool LockCall::give_back() noexcept {
  if (std::exchange(gave_back_, true)) return true;
  const bool said = say(server::give_back(message_.request.name, claim_, request_, told_of_grant(*this)->token));
  take_back();
  return said;
}

// By the thread that hears of its client's leaving, and by the one that has its grant.
void LockCall::take_back() noexcept {
  try {
    if (out_) say(locks::Command(*out_));
  } catch (const std::exception&) {  // out of memory: the place, or the offer, ends with its grace
  }
}

bool LockCall::say(decltype(engine::Call::question)&& said) noexcept {
  try {
    auto word = std::make_unique<Word>();
    word->question = std::move(said);
    desk_.ask(*word.release());
    return true;
  } catch (const std::exception&) {
    return false;  // out of memory: the poll ends when its time is over, the claim with its ttl
  }
}

std::string peer_text(const std::string& peer) {
  const auto colon = peer.find(':');
  std::string text = peer.substr(colon == std::string::npos ? 0 : colon + 1);
  // gRPC's addresses are URIs: [::1] is %5B::1%5D.
  for (const auto& [escaped, plain] : {std::pair{"%5B", "["}, std::pair{"%5D", "]"}}) {
    if (const auto at = text.find(escaped); at != std::string::npos) text.replace(at, 3, plain);
  }
  return text;
}

}  // namespace lockkeeper::server
