#include "server/shown_counters.h"

#include <cstdint>
#include <utility>

#include "locks/change.h"

namespace lockkeeper::server {
namespace {

using http::Family;
using http::MetricType;

Family single(std::string name, std::string help, MetricType type, std::uint64_t value) {
  return {std::move(name), std::move(help), type, {{{}, static_cast<double>(value)}}, {}};
}

Family counter(std::string name, std::string help, std::uint64_t value) {
  return single(std::move(name), std::move(help), MetricType::counter, value);
}

Family gauge(std::string name, std::string help, std::uint64_t value) {
  return single(std::move(name), std::move(help), MetricType::gauge, value);
}

Family histogram(std::string name, std::string help, const engine::Distribution& seen) {
  Family family{std::move(name), std::move(help), MetricType::histogram, {}, {}};
  family.histograms.push_back({{}, {seen.bounds.begin(), seen.bounds.end()}, seen.counts, seen.sum});
  return family;
}

Family events(const engine::Counters& counters) {
  Family family{"lockkeeper_events_total",
                "Lines of history that this server committed, by what happened.",
                MetricType::counter,
                {},
                {}};
  for (std::size_t what = 0; what < counters.events.size(); ++what) {
    family.samples.push_back(
        {{{"event", locks::text(static_cast<locks::What>(what))}}, static_cast<double>(counters.events.at(what))});
  }
  return family;
}

Family held(const engine::Counters& counters) {
  Family family{"lockkeeper_locks_held",
                "Locks that somebody holds; without a value until all were counted.",
                MetricType::gauge,
                {},
                {}};
  if (counters.held) family.samples.push_back({{}, static_cast<double>(*counters.held)});
  return family;
}

}  // namespace

std::vector<Family> engine_families(const engine::Counters& counters, bool ready) {
  return {
      // What is so now.
      gauge("lockkeeper_ready", "1 while the store answers and commits come through.", ready ? 1 : 0),
      held(counters),
      gauge("lockkeeper_waiters", "Places in the queues of all locks.", counters.waiters),
      gauge("lockkeeper_polls_open", "Requests that wait for a lock at this server.", counters.waiting),
      gauge("lockkeeper_deadlines", "Leases, bounded holds, places and offers whose time runs.", counters.watched),
      gauge("lockkeeper_holds_standing", "Holds that stand longer than their lock's warn-after.",
            counters.standing),
      gauge("lockkeeper_gates_released", "Gates that are released and not deleted.", counters.released_gates),
      gauge("lockkeeper_commands_in_flight", "Commands that are being answered; open polls are not among them.",
            counters.in_flight),
      gauge("lockkeeper_records_cached", "Locks whose record is in memory.", counters.cached),
      // What happened.
      counter("lockkeeper_commands_total", "Commands decided.", counters.commands),
      events(counters),
      counter("lockkeeper_lapses_total", "Leases, holds, places and offers that this server ended in time.",
              counters.lapses),
      histogram("lockkeeper_wait_seconds", "How long those who were granted a lock from its queue had waited.",
                counters.waited),
      histogram("lockkeeper_hold_seconds", "How long what was released, lapsed or forced had been held.",
                counters.held_for),
      // What it cost.
      counter("lockkeeper_commits_total", "Changes that the store committed.", counters.commits),
      histogram("lockkeeper_commit_batch_size", "Changes that came back from the store together.", counters.batch),
      histogram("lockkeeper_commit_duration_seconds", "From a change's beginning at the store to its commit.",
                counters.commit),
      counter("lockkeeper_commit_conflicts_total",
              "Changes that met a newer version of their lock, and were decided again.", counters.conflicts),
      counter("lockkeeper_store_failures_total",
              "Operations of the store that failed, or whose outcome is unknown.", counters.failures),
  };
}

std::vector<Family> listener_families(const http::ListenerCounters& counters) {
  return {
      gauge("lockkeeper_http_connections", "Connections that are open.", counters.connections),
      counter("lockkeeper_http_connections_accepted_total", "Connections that were accepted.", counters.accepted),
      counter("lockkeeper_http_connections_refused_total",
              "Connections that were answered 503: too many were open.", counters.refused),
  };
}

}  // namespace lockkeeper::server
