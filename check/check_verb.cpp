#include "check/check_verb.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "resource/answer.h"
#include "resource/bosh_lock.h"
#include "resource/patience.h"
#include "resource/revision.h"
#include "resource/verb.h"

namespace lockkeeper::check {
namespace {

using namespace std::chrono_literals;
using resource::Pairs;
using resource::Patience;
using resource::Source;

constexpr std::chrono::milliseconds kBound = 30s;
constexpr std::size_t kVersions = 100;  // of one answer
constexpr std::size_t kPage = 100;      // lines of history a request
constexpr int kPages = 100;
constexpr int kRounds = 10;  // of looking whether a busy lock has moved on

class Check {
 public:
  Check(resource::LockServer& server, Patience& patience, const Source& source, std::string lock)
      : server_(server),
        patience_(patience),
        source_(source),
        url_(http::without_userinfo(source.locker_uri)),
        lock_(std::move(lock)) {}

  // Revisions, oldest first.
  std::vector<std::string> run(std::optional<locks::Version> given) {
    const auto newest = page(0, true);
    if (!newest) return {resource::digest(lock_, state().holders)};
    const locks::Version forgotten = forgotten_in(*newest);
    const bool known = given && *given >= forgotten && *given <= newest->version && *given > 0;
    return known ? since(*given, *newest) : current(*newest);
  }

 private:
  // Up to this version the lock's history is gone; 0: it is whole.
  static locks::Version forgotten_in(const wire::HistoryView& history) {
    return history.oldest == 0 ? history.version : history.oldest - 1;
  }

  template <class Ask>
  auto ask(Ask ask_once) {
    if (patience_.over()) throw resource::StepFailed(url_ + " answers too slowly (" + patience_.gave_up() + ")");
    return patience_.ask(url_, [&](std::chrono::milliseconds timeout) {
      server_.set_request_timeout(timeout);
      return ask_once();
    });
  }

  wire::LockView state() {
    return ask([&] { return server_.lock(lock_); });
  }

  // A part of the history; none: an original server, which keeps none.
  std::optional<wire::HistoryView> page(locks::Version after, bool newest) {
    return ask([&]() -> std::optional<wire::HistoryView> {
      try {
        wire::HistoryView view = server_.history(lock_, after, kPage, newest);
        if (newest) std::reverse(view.events.begin(), view.events.end());
        return view;
      } catch (const client::ServerError& error) {
        if (error.status != 404) throw;
        server_.lock(lock_);  // tells what kind of a server it is
        if (server_.kind() != client::ServerKind::original) throw;
        return std::nullopt;
      }
    });
  }

  // Everything after a version, to the newest.
  std::vector<locks::Event> events_after(locks::Version after) {
    std::vector<locks::Event> events;
    for (int pages = 0; pages < kPages; ++pages) {
      const auto part = page(after, false);
      if (!part || part->events.empty()) break;
      events.insert(events.end(), part->events.begin(), part->events.end());
      after = part->events.back().version;
      if (!part->more) break;
    }
    return events;
  }

  // Whether the lock is held after the last of `events`; those that came meanwhile are added. Of a lock that never
  // stands still the next check tells.
  bool held_after(std::vector<locks::Event>& events) {
    for (int rounds = 0; rounds < kRounds; ++rounds) {
      const wire::LockView now = state();
      const locks::Version last = events.empty() ? 0 : events.back().version;
      if (now.version <= last) return now.held;
      const std::vector<locks::Event> more = events_after(last);
      if (more.empty()) return now.held;
      events.insert(events.end(), more.begin(), more.end());
    }
    return true;
  }

  std::vector<locks::Version> reported(std::vector<locks::Event> events) {
    const bool held = source_.trigger_on == resource::TriggerOn::unlocked && held_after(events);
    return resource::reported_versions(events, source_.trigger_on, held);
  }

  std::vector<std::string> since(locks::Version given, const wire::HistoryView& newest) {
    const bool whole = !newest.events.empty() && newest.events.front().version <= given + 1;
    std::vector<locks::Event> events;
    if (whole) {
      for (const locks::Event& event : newest.events) {
        if (event.version > given) events.push_back(event);
      }
    } else if (given < newest.version) {
      events = events_after(given);
    }
    std::vector<std::string> revisions{std::to_string(given)};
    for (const locks::Version version : reported(std::move(events))) {
      if (revisions.size() < kVersions && version > given) revisions.push_back(std::to_string(version));
    }
    return revisions;
  }

  // The newest alone. Where the last lines of history tell nothing of interest, all of it is read.
  std::vector<std::string> current(const wire::HistoryView& newest) {
    std::vector<locks::Version> versions = reported(newest.events);
    if (versions.empty() && newest.more) versions = reported(events_after(0));
    if (!versions.empty()) return {std::to_string(versions.back())};
    return forgotten_in(newest) == 0 ? std::vector<std::string>{} : grant();
  }

  // What is kept of the history tells nothing of interest: the grant that holds the lock stands for what was. A
  // free lock has none then, as one that nothing ever happened to: its version is a number that also moves when
  // other locks are forgotten.
  std::vector<std::string> grant() {
    if (source_.trigger_on == resource::TriggerOn::unlocked) return {};
    locks::Version token = 0;
    for (const wire::ClaimView& claim : state().claims) token = std::max(token, claim.token);
    return token == 0 ? std::vector<std::string>{} : std::vector{std::to_string(token)};
  }

  resource::LockServer& server_;
  Patience& patience_;
  const Source& source_;
  std::string url_;
  std::string lock_;
};

}  // namespace

void run(resource::Stage& stage) {
  const resource::CheckRequest request = resource::parse_check(resource::read_all(stage.input));
  const Source& source = request.source;
  resource::BuildLog log(stage.log, source.log_level);
  Patience patience(stage.world, log, source.request_timeout, {kBound, false});
  std::string lock = resource::lock_name(stage, source, patience);
  std::vector<Pairs> versions;
  if (source.versions == resource::Versions::stable) {
    versions.push_back({{"lock", lock}});  // nothing to ask for: there is no other
  } else {
    resource::LockServer& server = stage.connect(source);
    const auto given = request.version ? resource::revision(*request.version) : std::nullopt;
    for (std::string& revision : Check(server, patience, source, std::move(lock)).run(given)) {
      versions.push_back({{"revision", std::move(revision)}});
    }
  }
  resource::write_versions(stage.output, versions);
}

}  // namespace lockkeeper::check
