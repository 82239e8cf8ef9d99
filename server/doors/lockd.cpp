#include "server/doors/lockd.h"

#include <memory>
#include <optional>
#include <utility>

#include "server/doors/lock_list.h"
#include "server/doors/lock_visit.h"
#include "server/doors/lockd_reply.h"
#include "server/doors/lockd_request.h"
#include "server/random_name.h"

namespace lockkeeper::server {
namespace {

constexpr std::string_view door_name = "lockd";

enum Action { is_locked, lock, unlock, renew, old_is_locked, old_lock, old_unlock, list, health, metrics };

constexpr Route table[] = {
    {"GET", "/lock/{}", is_locked},    {"POST", "/lock/{}", lock},          {"DELETE", "/lock/{}", unlock},
    {"POST", "/lock/{}/renew", renew}, {"POST", "/lock", old_lock},         {"POST", "/unlock", old_unlock},
    {"POST", "/api/lock", old_lock},   {"POST", "/api/unlock", old_unlock}, {"GET", "/api/lock", old_is_locked},
    {"GET", "/locks", list},           {"GET", "/health", health, true},    {"GET", "/metrics", metrics},
};

class LockdVisit final : public LockVisit {
 public:
  using LockVisit::LockVisit;
  LockdQuestion asked;

 protected:
  http::Response speak() override { return lockd_reply(asked, std::get<locks::Outcome>(answer)); }
};

std::variant<LockdQuestion, std::string> asked_by(const Match& match, std::string_view query,
                                                  const http::Request& request) {
  switch (match.route->action) {
    case lock:
      return lockd_question(LockdAct::lock, match.segment, request);
    case unlock:
      return lockd_question(LockdAct::unlock, match.segment, request);
    case renew:
      return lockd_question(LockdAct::renew, match.segment, request);
    case old_lock:
      return old_lockd_question(LockdAct::lock, query, request);
    case old_unlock:
      return old_lockd_question(LockdAct::unlock, query, request);
    case old_is_locked:
      return old_lockd_question(LockdAct::is_locked, query, request);
    default:
      return lockd_question(LockdAct::is_locked, match.segment, request);
  }
}

locks::Command command(LockdQuestion& question, locks::Caller caller) {
  switch (question.act) {
    case LockdAct::lock:
      return lockd_lock(question.request, random_name(), std::move(caller));
    case LockdAct::unlock:
      return lockd_unlock(question.request, std::move(caller));
    case LockdAct::renew:
      return lockd_renew(question.request, std::move(caller));
    case LockdAct::is_locked:
      break;
  }
  return lockd_is_locked(question.request, std::move(caller));
}

// Paths that are as routes are need no second look.
bool is_plain(std::string_view path) {
  return path.starts_with('/') && path.find('%') == std::string_view::npos &&
         path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos;
}

}  // namespace

std::span<const Route> LockdDoor::routes() {
  return table;
}

void LockdDoor::serve(http::Exchange& exchange, const Target& target) {
  if (is_plain(target.path) || target.path == "*") return enter_at(exchange, target.path, target.query);
  const auto path = lockd_path(target.path);
  if (!path) return exchange.answer(error_reply(400, "the path has a bad percent escape"));
  enter_at(exchange, *path, target.query);
}

void LockdDoor::enter_at(http::Exchange& exchange, std::string_view path, std::string_view query) {
  auto entry = enter(desk_, exchange, table, path);
  if (!entry) return;
  switch (entry->match.route->action) {
    case health:
      return exchange.answer(json_reply(200, "{\"status\":\"ok\"}\n"));
    case metrics:
      return exchange.answer(metrics_reply(desk_));
    case list:  // not in the original locker's shape, which shows keys
      return serve_list(desk_, exchange, std::string(query) + "&view=full", door_name, std::move(entry->user));
    default:
      return ask_about_lock(exchange, entry->match, query, std::move(entry->user));
  }
}

void LockdDoor::ask_about_lock(http::Exchange& exchange, const Match& match, std::string_view query,
                               std::string user) {
  auto owned = std::make_unique<LockdVisit>(desk_, exchange, door_name);
  LockdVisit& visit = *owned;
  visit.user = std::move(user);
  exchange.attachment = std::move(owned);
  auto asked = asked_by(match, query, exchange.request());
  if (const auto* fault = std::get_if<std::string>(&asked)) return exchange.answer(error_reply(400, *fault));
  visit.asked = std::get<LockdQuestion>(std::move(asked));
  visit.lock = visit.asked.request.name;
  if (visit.lock.empty()) return exchange.answer(lockd_not_found(visit.asked));
  visit.nameless = visit.asked.request.request_id.empty();
  locks::Command what = command(visit.asked, {visit.user, std::string(door_name)});
  if (auto fault = locks::fault(what, desk_.limits())) return exchange.answer(error_reply(400, *fault));
  visit.question = std::move(what);
  visit.ask();
}

}  // namespace lockkeeper::server
