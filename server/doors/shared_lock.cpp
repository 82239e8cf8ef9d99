#include "server/doors/shared_lock.h"

#include <chrono>
#include <memory>
#include <utility>

#include "server/doors/shared_lock_reply.h"
#include "server/doors/shared_lock_words.h"
#include "server/random_name.h"
#include "wire/lease_body.h"

namespace lockkeeper::server {
namespace {

constexpr std::string_view door_name = "shared-lock";

enum Action { lease_action, keepalive_action, health_action, metrics_action };

constexpr Route table[] = {
    {"POST", "/lease", lease_action},
    {"POST", "/keepalive", keepalive_action},
    {"GET", "/health", health_action, true},
    {"GET", "/metrics", metrics_action},
};

class LeaseVisit : public Visit {
 public:
  LeaseVisit(http::Exchange& to, SharedLockMetrics& metrics) : Visit(to, door_name), metrics_(metrics) {}

 protected:
  using Operation = SharedLockMetrics::Operation;
  using Status = SharedLockMetrics::Status;

  const locks::Outcome& outcome() const { return std::get<locks::Outcome>(answer); }
  void counted(Operation operation, Status status) {
    metrics_.counted(operation, status, std::chrono::steady_clock::now() - exchange.began());
  }

 private:
  SharedLockMetrics& metrics_;
};

class Leasing final : public LeaseVisit {
 public:
  using LeaseVisit::LeaseVisit;
  std::string lock, id;

 protected:
  http::Response reply() override {
    http::Response response = lease_reply(lock, id, outcome());
    const unsigned status = response.status;
    counted(Operation::get, status == 201 ? Status::created : status == 202 ? Status::accepted : Status::error);
    return response;
  }
};

class KeepingAlive final : public LeaseVisit {
 public:
  using LeaseVisit::LeaseVisit;

 protected:
  http::Response reply() override {
    http::Response response = keepalive_reply(outcome());
    counted(Operation::prolong, response.status == 200 ? Status::success : Status::failure);
    return response;
  }
};

template <class Kind>
Kind& visit_of(http::Exchange& exchange, SharedLockMetrics& metrics, std::string user) {
  auto owned = std::make_unique<Kind>(exchange, metrics);
  Kind& visit = *owned;
  visit.user = std::move(user);
  exchange.attachment = std::move(owned);
  return visit;
}

std::string new_id() {
  while (true) {
    if (auto id = lease_id(random_name())) return std::move(*id);
  }
}

}  // namespace

SharedLockDoor::SharedLockDoor(FrontDesk& desk) : desk_(desk) {
  desk.add_metrics([this] { return metrics_.families(); });
}

std::span<const Route> SharedLockDoor::routes() {
  return table;
}

void SharedLockDoor::serve(http::Exchange& exchange, const Target& target) {
  // Escapes count as what they stand for, as in the original: no path here has a name in it.
  const auto path = percent_decode(target.path);
  auto entry = enter(desk_, exchange, table, path ? std::string_view(*path) : target.path);
  if (!entry) return;
  switch (entry->match.route->action) {
    case lease_action:
      return lease(exchange, std::move(entry->user));
    case keepalive_action:
      return keep_alive(exchange, std::move(entry->user));
    case metrics_action:
      return exchange.answer(metrics_reply(desk_));
    default:
      return exchange.answer(http::Response{.content_type = ""});
  }
}

void SharedLockDoor::lease(http::Exchange& exchange, std::string user) {
  auto& visit = visit_of<Leasing>(exchange, metrics_, std::move(user));
  auto body = wire::parse_lease_body(exchange.request().body());
  if (!body) return exchange.answer(unreadable_lease_reply());
  if (body->key.empty()) return exchange.answer(error_reply(400, "the lease's key is missing"));
  const auto ttl = lease_ttl(exchange.request().header("x-lease-ttl"));
  if (!ttl) {
    return exchange.answer(
        error_reply(400, "x-lease-ttl is no positive duration with units, like 30s, 1m30s or 500ms"));
  }
  visit.lock = body->key;
  visit.id = new_id();
  locks::Command command{visit.lock,
                         {visit.user, std::string(door_name)},
                         acquire_lease(std::move(*body), visit.id, *ttl, desk_.limits())};
  if (auto fault = locks::fault(command, desk_.limits())) return exchange.answer(error_reply(400, *fault));
  visit.question = std::move(command);
  desk_.ask(visit, exchange.io());
}

void SharedLockDoor::keep_alive(http::Exchange& exchange, std::string user) {
  auto& visit = visit_of<KeepingAlive>(exchange, metrics_, std::move(user));
  auto id = named_lease(exchange.request().body());
  if (!id) return exchange.answer(error_reply(400, "the body is no lease id: a whole number of 64 bits is wanted"));
  visit.question = engine::RenewLease{{visit.user, std::string(door_name)}, renew_lease(std::move(*id))};
  desk_.ask(visit, exchange.io());
}

}  // namespace lockkeeper::server
