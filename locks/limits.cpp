#include "locks/limits.h"

#include <utility>

#include "locks/duration.h"
#include "locks/gate.h"

namespace lockkeeper::locks {
namespace {

// Length of the UTF-8 sequence at the front of `text` and its code point; 0 when it is none (RFC 3629, 4).
std::size_t decode(std::string_view text, std::uint32_t& point) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    point = first;
    return 1;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  point = first & (0xFFU >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0U) != 0x80U) return 0;
    point = (point << 6U) | (byte(at) & 0x3FU);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return overlong || surrogate || point > 0x10FFFF ? 0 : length;
}

bool control(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0);
}

std::optional<std::string> too_long(const char* what, std::size_t bytes, std::size_t limit) {
  if (bytes <= limit) return std::nullopt;
  return std::string(what) + " is too long (" + std::to_string(bytes) + " bytes; the limit is " +
         std::to_string(limit) + ")";
}

std::optional<std::string> metadata_fault(const Metadata& metadata, const Limits& limits) {
  if (metadata.size() > limits.metadata_pairs) {
    return "metadata has too many pairs (" + std::to_string(metadata.size()) + "; the limit is " +
           std::to_string(limits.metadata_pairs) + ")";
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : metadata) bytes += key.size() + value.size();
  return too_long("metadata", bytes, limits.metadata_bytes);
}

std::optional<std::string> identity_fault(const std::string& key, const std::string& holder,
                                          const std::string& claim, const std::string& request,
                                          const Limits& limits) {
  if (auto fault = too_long("key", key.size(), limits.key_bytes)) return fault;
  if (auto fault = too_long("holder", holder.size(), limits.key_bytes)) return fault;
  if (auto fault = too_long("claim", claim.size(), limits.key_bytes)) return fault;
  if (auto fault = too_long("request", request.size(), limits.key_bytes)) return fault;
  // "#7" is how rows of unnamed claims are called.
  if (!claim.empty() && claim.front() == '#') return "a claim's name must not begin with #";
  if (claim.empty() && !request.empty()) return "a request needs the claim's name beside it";
  return std::nullopt;
}

std::optional<std::string> ttl_fault(const std::optional<milliseconds>& ttl, const Limits& limits) {
  if (!ttl || *ttl >= limits.ttl_least) return std::nullopt;
  return "ttl is shorter than " + exact_duration(limits.ttl_least);
}

std::optional<std::string> gate_fault(const Command& command, const Limits& limits) {
  const auto* of_gate = std::get_if<OfGate>(&command.what);
  if (of_gate == nullptr) return "a lock's name does not begin so";
  if (const auto* create = std::get_if<CreateGate>(&of_gate->what)) {
    for (const auto& [what, text] :
         {std::pair("workflow", &create->workflow), std::pair("namespace", &create->workflow_namespace)}) {
      if (text->empty()) return std::string(what) + " is empty";
      if (auto fault = too_long(what, text->size(), limits.name_bytes)) return fault;
    }
  }
  const auto* note = std::get_if<NoteGate>(&of_gate->what);
  return note != nullptr ? too_long("note", note->note.size(), limits.reason_bytes) : std::nullopt;
}

}  // namespace

bool valid_utf8(std::string_view text) {
  std::uint32_t point = 0;
  while (!text.empty()) {
    const std::size_t length = decode(text, point);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::optional<std::string> name_fault(std::string_view name, const Limits& limits) {
  if (name.empty()) return "the lock's name is empty";
  if (auto fault = too_long("the lock's name", name.size(), limits.name_bytes)) return fault;
  std::uint32_t point = 0;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = decode(name.substr(at), point);
    if (length == 0) return "the lock's name is not UTF-8 at byte " + std::to_string(at);
    if (control(point)) return "the lock's name has a control character at byte " + std::to_string(at);
    at += length;
  }
  return std::nullopt;
}

std::optional<std::string> fault(const Command& command, const Limits& limits) {
  if (is_gate(command.lock)) return gate_fault(command, limits);
  if (auto fault = name_fault(command.lock, limits)) return fault;
  if (std::holds_alternative<OfGate>(command.what)) return "a gate's name does not begin so";
  if (const auto* acquire = std::get_if<Acquire>(&command.what)) {
    if (auto fault = identity_fault(acquire->key, acquire->holder, acquire->claim, acquire->request, limits)) {
      return fault;
    }
    if (auto fault = ttl_fault(acquire->ttl, limits)) return fault;
    return metadata_fault(acquire->metadata, limits);
  }
  if (const auto* renew = std::get_if<Renew>(&command.what)) {
    if (renew->claim.empty() && !renew->token) return "renewing needs the claim's name, or its token";
    if (auto fault = identity_fault(renew->key, renew->key, renew->claim, "", limits)) return fault;
    return ttl_fault(renew->ttl, limits);
  }
  if (const auto* release = std::get_if<Release>(&command.what)) {
    if (release->all && !release->claim.empty()) return "all and claim exclude each other";
    return identity_fault(release->key, release->holder, release->claim, release->request, limits);
  }
  if (const auto* force = std::get_if<ForceRelease>(&command.what)) {
    return too_long("reason", force->reason.size(), limits.reason_bytes);
  }
  return std::nullopt;
}

}  // namespace lockkeeper::locks
