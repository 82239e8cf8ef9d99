#include "server/doors/locker.h"

#include <exception>
#include <optional>
#include <utility>
#include <variant>

#include "server/doors/lock_list.h"
#include "server/doors/locker_reply.h"
#include "server/doors/locker_visit.h"
#include "server/random_name.h"
#include "wire/lock_body.h"

namespace lockkeeper::server {
namespace {

constexpr std::string_view door_name = "locker";
constexpr std::size_t history_default = 100;
constexpr std::size_t history_most = 1000;

enum Action {
  list,
  acquire,
  release,
  inspect,
  history,
  force_release,
  renew,
  health,
  ready,
  version,
  status,
  metrics
};

constexpr Route table[] = {
    {"PUT", "/lock/{}", acquire},      {"DELETE", "/lock/{}", release},
    {"GET", "/lock/{}", inspect},      {"GET", "/lock/{}/history", history},
    {"POST", "/lock/{}/renew", renew}, {"POST", "/lock/{}/force-release", force_release},
    {"GET", "/locks", list},           {"GET", "/health", health, true},
    {"GET", "/ready", ready, true},    {"GET", "/version", version},
    {"GET", "/status", status},        {"GET", "/metrics", metrics},
};

// What is wrong with a question, if anything.
using Refusal = std::optional<http::Response>;

// What the body of a request asks for, or what is wrong with it. `speech`: what of it the reply will speak of.
using Asked = std::variant<decltype(locks::Command::what), http::Response>;

// Who waits is known by a name, and each will to acquire by its request. A request without a claim stays a fault:
// what repeats it would come under another name, and so to another place.
void name(wire::LockBody& fields, LockSpeech& speech) {
  if (fields.claim.empty() && fields.request.empty()) fields.claim = random_name();
  if (!fields.claim.empty() && fields.request.empty()) speech.request = fields.request = random_name();
  speech.claim = fields.claim;
  speech.waits = true;
}

// The original's own two requests.
std::variant<wire::LockBody, http::Response> lock_body(LockSpeech& speech, LockSpeech::Act act,
                                                       std::string_view body) {
  const bool taking = act == LockSpeech::Act::acquire;
  auto parsed = wire::parse_lock_body(body);
  if (const auto* fault = std::get_if<wire::BodyFault>(&parsed)) return body_fault_reply(*fault, taking);
  auto& fields = std::get<wire::LockBody>(parsed);
  if (fields.key.empty()) return body_fault_reply({}, taking);
  speech = {
      .act = act, .native = fields.native, .key = fields.key, .holder = fields.holder(), .claim = fields.claim};
  return std::move(fields);
}

Asked asked_acquire(LockSpeech& speech, std::string_view body) {
  auto parsed = lock_body(speech, LockSpeech::Act::acquire, body);
  if (auto* refusal = std::get_if<http::Response>(&parsed)) return std::move(*refusal);
  auto& fields = std::get<wire::LockBody>(parsed);
  // shared-lock's keepalive finds a lease by such a name alone.
  if (fields.claim.starts_with("lease:"))
    return error_reply(400, "a claim's name that begins with lease: is shared-lock's");
  const bool nameless = fields.wait && fields.claim.empty() && fields.request.empty();
  if (fields.wait) name(fields, speech);
  speech.nameless = nameless;
  return locks::Acquire{std::move(fields.key),
                        speech.holder,
                        std::move(fields.claim),
                        std::move(fields.request),
                        fields.begun,
                        std::move(fields.metadata),
                        fields.ttl,
                        fields.wait};
}

Asked asked_release(LockSpeech& speech, std::string_view body) {
  auto parsed = lock_body(speech, LockSpeech::Act::release, body);
  if (auto* refusal = std::get_if<http::Response>(&parsed)) return std::move(*refusal);
  auto& fields = std::get<wire::LockBody>(parsed);
  return locks::Release{std::move(fields.key),     speech.holder, std::move(fields.claim),
                        std::move(fields.request), fields.begun,  fields.all};
}

Asked asked_renew(LockSpeech& speech, std::string_view body) {
  speech = {.act = LockSpeech::Act::renew, .native = true};
  auto parsed = wire::parse_renew_body(body);
  if (const auto* fault = std::get_if<wire::BodyFault>(&parsed)) {
    return error_reply(400, fault->text.empty() ? "the body is not a JSON object" : fault->text);
  }
  auto& fields = std::get<wire::RenewFields>(parsed);
  if (fields.key.empty()) return body_fault_reply({}, true);
  return locks::Renew{std::move(fields.key), std::move(fields.claim), fields.token, fields.ttl};
}

Asked asked_force_release(LockSpeech& speech, std::string_view body) {
  speech.act = LockSpeech::Act::force_release;
  auto reason = wire::parse_force_body(body);
  if (const auto* fault = std::get_if<wire::BodyFault>(&reason)) {
    return error_reply(400, fault->text.empty() ? "the body is not {\"reason\": \"...\"}" : fault->text);
  }
  return locks::ForceRelease{std::get<std::string>(std::move(reason))};
}

Asked asked(int action, LockSpeech& speech, std::string_view body) {
  switch (action) {
    case acquire:
      return asked_acquire(speech, body);
    case release:
      return asked_release(speech, body);
    case renew:
      return asked_renew(speech, body);
    case force_release:
      return asked_force_release(speech, body);
    default:
      return locks::Inspect{};
  }
}

Refusal ask_about_lock(LockerVisit& visit, int action, std::string_view body, const locks::Limits& limits) {
  Asked what = asked(action, visit.speech, body);
  if (auto* refusal = std::get_if<http::Response>(&what)) return std::move(*refusal);
  visit.nameless = visit.speech.nameless;
  locks::Command command{visit.lock, {visit.user, std::string(door_name)}, std::get<0>(std::move(what))};
  if (auto fault = locks::fault(command, limits)) return error_reply(400, *fault);
  visit.question = std::move(command);
  return std::nullopt;
}

Refusal ask_for_history(LockerVisit& visit, std::string_view query) {
  engine::ReadHistory read;
  read.lock = visit.lock;
  read.limit = history_default;
  const auto after = parameter(query, "after");
  if (after) {
    const auto version = whole_number(*after);
    if (!version) return error_reply(400, "after is not a version: a whole number is wanted");
    read.after = *version;
  }
  if (const auto limit = parameter(query, "limit")) {
    const auto number = whole_number(*limit);
    if (!number || *number < 1 || *number > history_most) {
      return error_reply(400, "limit is not a whole number from 1 to " + std::to_string(history_most));
    }
    read.limit = *number;
  }
  // Who names a version wants to go on from there; who does not wants to know what happened last.
  const std::string order = parameter(query, "order").value_or(after ? "oldest" : "newest");
  if (order != "newest" && order != "oldest") return error_reply(400, "order is neither newest nor oldest");
  read.newest_first = order == "newest";
  visit.speech.act = LockSpeech::Act::history;
  visit.question = std::move(read);
  return std::nullopt;
}

}  // namespace

std::span<const Route> LockerDoor::routes() {
  return table;
}

void LockerDoor::serve(http::Exchange& exchange, const Target& target) {
  auto entry = enter(desk_, exchange, table, target.path);
  if (entry) admitted(exchange, target, entry->match, std::move(entry->user));
}

void LockerDoor::admitted(http::Exchange& exchange, const Target& target, const Match& match, std::string user) {
  switch (match.route->action) {
    case health:
      return exchange.answer(json_reply(200, "{\"status\":\"ok\"}\n"));
    case ready:
      if (!desk_.ready()) return exchange.answer(unavailable_reply({"the store does not answer", false}));
      return exchange.answer(json_reply(200, "{\"status\":\"ready\"}\n"));
    case version:
      return exchange.answer(json_reply(200, "{\"name\":\"lockkeeper\",\"version\":\"" LOCKKEEPER_VERSION "\"}\n"));
    case status:
      return exchange.answer(status_reply(desk_.counters()));
    case metrics:
      return exchange.answer(metrics_reply(desk_));
    case list:
      return serve_list(desk_, exchange, target.query, door_name, std::move(user));
    default:
      break;
  }
  auto owned = std::make_unique<LockerVisit>(desk_, exchange, door_name);
  LockerVisit& visit = *owned;
  visit.user = std::move(user);
  exchange.attachment = std::move(owned);
  Refusal refusal;
  if (auto name = percent_decode(match.segment)) {
    visit.lock = std::move(*name);
    if (auto fault = locks::name_fault(visit.lock, desk_.limits())) {
      refusal = error_reply(400, *fault);
    } else if (match.route->action == history) {
      refusal = ask_for_history(visit, target.query);
    } else {
      refusal = ask_about_lock(visit, match.route->action, exchange.request().body(), desk_.limits());
    }
  } else {
    refusal = error_reply(400, "the lock's name has a bad percent escape");
  }
  if (refusal) return exchange.answer(std::move(*refusal));
  visit.ask();
}

}  // namespace lockkeeper::server
