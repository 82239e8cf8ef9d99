// Bodies of PUT, DELETE, renew and force-release: whatever comes is a body or a fault, and a body that we write
// back is read as the same.
#include <variant>

#include "fuzzed.h"
#include "locks/limits.h"
#include "wire/lock_body.h"
#include "wire/native_json.h"

namespace wire = lockkeeper::wire;

namespace {

void read_back(const wire::LockBody& body) {
  const auto again = wire::parse_lock_body(
      wire::write_body(wire::AcquireBody{body.key, body.holder(), body.claim, body.request, body.begun.value_or(0),
                                         body.begun.has_value(), body.metadata, body.ttl, body.wait}));
  PROMISE(std::holds_alternative<wire::LockBody>(again));
  const auto& copy = std::get<wire::LockBody>(again);
  PROMISE(copy.key == body.key && copy.holder() == body.holder() && copy.claim == body.claim);
  PROMISE(copy.request == body.request && copy.begun == body.begun && copy.metadata == body.metadata);
  PROMISE(copy.ttl == body.ttl && copy.wait == body.wait);
}

void read_back(const wire::RenewFields& fields) {
  const auto again = wire::parse_renew_body(
      wire::write_body(wire::RenewBody{fields.key, fields.claim, fields.token.value_or(0), fields.ttl}));
  PROMISE(std::holds_alternative<wire::RenewFields>(again));
  const auto& copy = std::get<wire::RenewFields>(again);
  PROMISE(copy.key == fields.key && copy.claim == fields.claim && copy.ttl == fields.ttl);
  PROMISE(copy.token.value_or(0) == fields.token.value_or(0));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const auto parsed = wire::parse_lock_body(text);
  if (const auto* body = std::get_if<wire::LockBody>(&parsed)) {
    for (const std::string* field : {&body->key, &body->requestor, &body->lock_by, &body->claim, &body->request}) {
      PROMISE(lockkeeper::locks::valid_utf8(*field));
    }
    read_back(*body);
  } else {
    const auto& fault = std::get<wire::BodyFault>(parsed);
    PROMISE(fault.undecodable == fault.text.empty());
  }
  const auto renewal = wire::parse_renew_body(text);
  if (const auto* fields = std::get_if<wire::RenewFields>(&renewal)) read_back(*fields);
  const auto reason = wire::parse_force_body(text);
  PROMISE(!std::holds_alternative<std::string>(reason) ||
          lockkeeper::locks::valid_utf8(std::get<std::string>(reason)));
  return 0;
}
