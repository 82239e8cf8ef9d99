#include "server/doors/grpc/messages.h"

#include <lockapi.pb.h>

#include <limits>

#include "locks/duration.h"

namespace lockkeeper::server {
namespace {

using Read = std::variant<LockdMessage, MessageFault>;

struct Wrong {
  std::string text;
};

std::optional<std::chrono::milliseconds> duration(const char* field, const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto parsed = locks::parse_duration(text);
  if (const auto* fault = std::get_if<locks::DurationFault>(&parsed))
    throw Wrong{std::string(field) + ": " + fault->text};
  return std::get<std::chrono::milliseconds>(parsed);
}

void take(const lockapi::IsLockedRequest&, LockdRequest&) {}

void take(const lockapi::LockRequest& message, LockdRequest& request) {
  request.client_id = message.client_id();
  request.request_id = message.request_id();
  request.wait = duration("wait", message.wait());
  request.ttl = duration("ttl", message.ttl());
}

void take(const lockapi::UnlockRequest& message, LockdRequest& request) {
  request.client_id = message.client_id();
  request.request_id = message.request_id();
  request.overrides = message.override();
}

void take(const lockapi::RenewRequest& message, LockdRequest& request) {
  request.client_id = message.client_id();
  request.request_id = message.request_id();
  request.ttl = duration("ttl", message.ttl());
}

template <class Message>
Read read(std::string_view bytes) {
  Message message;
  // Strings that are not UTF-8 do not parse either.
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return MessageFault{true, "the request is not a " + message.GetTypeName()};
  }
  LockdMessage read;
  read.request.name = message.name();
  try {
    take(message, read.request);
  } catch (const Wrong& wrong) {
    return MessageFault{false, wrong.text};
  }
  const LockdRequest& request = read.request;
  read.ours =
      !request.client_id.empty() || !request.request_id.empty() || request.wait || request.ttl || request.overrides;
  return read;
}

std::string held_by(const LockdAnswer& answer) {
  return answer.holder ? answer.holder->holder : "";
}

}  // namespace

Read read_message(LockdAct act, std::string_view bytes) {
  switch (act) {
    case LockdAct::lock:
      return read<lockapi::LockRequest>(bytes);
    case LockdAct::unlock:
      return read<lockapi::UnlockRequest>(bytes);
    case LockdAct::renew:
      return read<lockapi::RenewRequest>(bytes);
    case LockdAct::is_locked:
      break;
  }
  return read<lockapi::IsLockedRequest>(bytes);
}

std::string write_message(LockdAct act, const LockdMessage& to, const LockdAnswer& answer) {
  const bool done = answer.verdict == Verdict::done;
  switch (act) {
    case LockdAct::lock: {
      lockapi::LockResponse message;
      message.set_success(done);
      if (to.ours) {
        message.set_request_id(to.request.request_id);
        message.set_token(answer.token);
        message.set_held_by(held_by(answer));
        message.set_position(answer.position);
        message.set_waiters(answer.waiters);
      }
      return message.SerializeAsString();
    }
    case LockdAct::unlock: {
      lockapi::UnlockResponse message;
      message.set_success(done);
      if (to.ours) message.set_held_by(held_by(answer));
      return message.SerializeAsString();
    }
    case LockdAct::renew: {
      lockapi::RenewResponse message;
      message.set_success(done);
      message.set_token(answer.token);
      return message.SerializeAsString();
    }
    case LockdAct::is_locked:
      break;
  }
  lockapi::IsLockedResponse message;
  message.set_name(to.request.name);
  message.set_is_locked(done);
  return message.SerializeAsString();
}

}  // namespace lockkeeper::server
