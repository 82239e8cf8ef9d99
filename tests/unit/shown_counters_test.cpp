#include "server/shown_counters.h"

#include <gtest/gtest.h>

#include <set>

#include "locks/change.h"
#include "tests/unit/metrics_text.h"

namespace lockkeeper::server {
namespace {

constexpr std::array<double, 2> bounds = {1, 2};

// Each number another one, so that none can stand for its neighbour.
engine::Counters some() {
  engine::Counters counters;
  std::uint64_t next = 10;
  for (std::uint64_t engine::Counters::*field :
       {&engine::Counters::commands, &engine::Counters::commits, &engine::Counters::conflicts,
        &engine::Counters::failures, &engine::Counters::cached, &engine::Counters::in_flight,
        &engine::Counters::waiting, &engine::Counters::watched, &engine::Counters::lapses,
        &engine::Counters::standing, &engine::Counters::waiters, &engine::Counters::released_gates}) {
    counters.*field = next++;
  }
  counters.held = 99;
  for (std::size_t i = 0; i < counters.events.size(); ++i) counters.events.at(i) = 100 + i;
  counters.waited = {bounds, {1, 2, 3}, 0.5};
  counters.held_for = {bounds, {1, 2, 4}, 1.5};
  counters.batch = {bounds, {1, 2, 5}, 2.5};
  counters.commit = {bounds, {1, 2, 6}, 3.5};
  return counters;
}

MetricsText read(std::vector<http::Family> families) {
  http::MetricsPage page;
  page.add([&families] { return families; });
  return MetricsText(page.text());
}

TEST(ShownCounters, EachUnderItsName) {
  const MetricsText text = read(engine_families(some(), true));
  const std::pair<const char*, double> expected[] = {
      {"lockkeeper_ready", 1},
      {"lockkeeper_commands_total", 10},
      {"lockkeeper_commits_total", 11},
      {"lockkeeper_commit_conflicts_total", 12},
      {"lockkeeper_store_failures_total", 13},
      {"lockkeeper_records_cached", 14},
      {"lockkeeper_commands_in_flight", 15},
      {"lockkeeper_polls_open", 16},
      {"lockkeeper_deadlines", 17},
      {"lockkeeper_lapses_total", 18},
      {"lockkeeper_holds_standing", 19},
      {"lockkeeper_waiters", 20},
      {"lockkeeper_gates_released", 21},
      {"lockkeeper_locks_held", 99},
      {"lockkeeper_wait_seconds_count", 6},
      {"lockkeeper_wait_seconds_sum", 0.5},
      {"lockkeeper_hold_seconds_count", 7},
      {"lockkeeper_hold_seconds_sum", 1.5},
      {"lockkeeper_commit_batch_size_count", 8},
      {"lockkeeper_commit_batch_size_sum", 2.5},
      {"lockkeeper_commit_duration_seconds_count", 9},
      {"lockkeeper_commit_duration_seconds_sum", 3.5},
  };
  std::set<std::string> families;
  for (const auto& [name, value] : expected) {
    EXPECT_EQ(text.value(name), value) << name;
    std::string family = name;
    for (const char* part : {"_count", "_sum"}) {
      if (family.ends_with(part)) family.resize(family.size() - std::string_view(part).size());
    }
    families.insert(family);
  }
  EXPECT_EQ(text.value("lockkeeper_wait_seconds_bucket", {{"le", "2"}}), 3);
  EXPECT_EQ(text.families().size(), families.size() + 1) << "all of them, and lockkeeper_events_total";
}

TEST(ShownCounters, EventsByTheWordsOfHistory) {
  const MetricsText text = read(engine_families(some(), true));
  const auto events = [&text](std::string word) {
    return text.value("lockkeeper_events_total", {{"event", word}});
  };
  EXPECT_EQ(events("acquired"), 100);
  EXPECT_EQ(events("taken over"), 102);
  EXPECT_EQ(text.family("lockkeeper_events_total").samples.size(), locks::what_count);
}

TEST(ShownCounters, WhatIsNotKnownHasNoValue) {
  engine::Counters counters = some();
  counters.held.reset();
  const MetricsText text = read(engine_families(counters, false));
  EXPECT_EQ(text.family("lockkeeper_locks_held").samples.size(), 0U);
  EXPECT_EQ(text.value("lockkeeper_ready"), 0);
}

TEST(ShownCounters, OfTheListener) {
  const MetricsText text = read(listener_families({.connections = 1, .accepted = 2, .refused = 3, .requests = 4}));
  EXPECT_EQ(text.value("lockkeeper_http_connections"), 1);
  EXPECT_EQ(text.value("lockkeeper_http_connections_accepted_total"), 2);
  EXPECT_EQ(text.value("lockkeeper_http_connections_refused_total"), 3);
}

}  // namespace
}  // namespace lockkeeper::server
