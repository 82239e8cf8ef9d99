#include "agent/outcome.h"

#include <array>

namespace lockkeeper::agent {
namespace {

using Kind = Outcome::Kind;
using Next = Treatment::Next;

// In the order of Kind.
constexpr std::array<Treatment, kOutcomes> treatments = {{
    {"resumed", Next::remove, false, 0},       {"already_resumed", Next::remove, false, 0},
    {"finished", Next::remove, false, 0},      {"gate_gone", Next::forget, false, 0},
    {"not_suspended", Next::poll, false, 2},  // often the release is only a little early
    {"absent", Next::slowly, false, 1},        {"unresumable", Next::never, false, 1},
    {"api_busy", Next::back_off, false, 3},    {"api_unreachable", Next::back_off, true, 3},
    {"conflict", Next::poll, false, 3},        {"forbidden", Next::slowly, false, 1},
    {"rejected", Next::rarely, false, 1},      {"too_large", Next::rarely, false, 1},
    {"cannot", Next::rarely, false, 1},        {"bad_name", Next::never, false, 1},
    {"unauthorized", Next::back_off, true, 1}, {"untrusted", Next::back_off, true, 1},
    {"no_such_api", Next::back_off, true, 1},  {"gates_away", Next::back_off, false, 0},
    {"not_deleted", Next::back_off, false, 0}, {"interrupted", Next::again, false, 0},
}};

Kind kind_of(ApiAnswer::Kind kind) {
  switch (kind) {
    case ApiAnswer::Kind::ok:
      return Kind::resumed;
    case ApiAnswer::Kind::absent:
      return Kind::absent;
    case ApiAnswer::Kind::no_such_api:
      return Kind::no_such_api;
    case ApiAnswer::Kind::conflict:
      return Kind::conflict;
    case ApiAnswer::Kind::unauthorized:
      return Kind::unauthorized;
    case ApiAnswer::Kind::forbidden:
      return Kind::forbidden;
    case ApiAnswer::Kind::rejected:
      return Kind::rejected;
    case ApiAnswer::Kind::too_large:
      return Kind::too_large;
    case ApiAnswer::Kind::busy:
      return Kind::busy;
    case ApiAnswer::Kind::unreachable:
      return Kind::unreachable;
    case ApiAnswer::Kind::certificate:
      return Kind::untrusted;
    case ApiAnswer::Kind::interrupted:
      break;
  }
  return Kind::interrupted;
}

}  // namespace

const Treatment& treatment(Kind kind) {
  return treatments[static_cast<std::size_t>(kind)];
}

Outcome outcome_of(const ApiAnswer& answer) {
  const Kind kind = kind_of(answer.kind);
  if (kind == Kind::absent) return {kind, "no such workflow", answer.retry_after};
  if (kind == Kind::too_large) return {kind, "workflow too large: " + answer.message, answer.retry_after};
  return {kind, answer.message, answer.retry_after};
}

}  // namespace lockkeeper::agent
