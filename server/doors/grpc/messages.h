// The bytes of lockapi's messages, and lockd's words. protobuf stays inside.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "server/doors/lockd_words.h"

namespace lockkeeper::server {

struct LockdMessage {
  LockdRequest request;
  bool ours = false;  // it has fields that lockd's clients do not send
};

struct MessageFault {
  bool unreadable = false;  // not the bytes of such a message; else a field is wrong
  std::string text;
};

std::variant<LockdMessage, MessageFault> read_message(LockdAct act, std::string_view bytes);

std::string write_message(LockdAct act, const LockdMessage& to, const LockdAnswer& answer);

}  // namespace lockkeeper::server
