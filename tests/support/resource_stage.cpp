#include "tests/support/resource_stage.h"

#include <algorithm>

#include "wire/native_json.h"

namespace lockkeeper::support {

namespace {

using locks::Outcome;

std::string why_text(locks::Gone::Why why) {
  return why == locks::Gone::Why::closed       ? "closed"
         : why == locks::Gone::Why::superseded ? "superseded"
                                               : "forgotten";
}

// As the server says it and the client reads it.
wire::DeniedView denied(const std::string& name, const Outcome& outcome) {
  std::string json;
  if (const auto* refused = std::get_if<locks::Refused>(&outcome)) {
    wire::write_denied("refused", name, refused->version, "", std::nullopt, refused->holds, json);
  } else if (const auto* queued = std::get_if<locks::Queued>(&outcome)) {
    wire::write_queued("queued", name, "", "", *queued, json);
  } else if (const auto* gone = std::get_if<locks::Gone>(&outcome)) {
    wire::write_denied("gone", name, gone->version, why_text(gone->why), gone->end, gone->holds, json);
  } else {
    const auto& yours = std::get<locks::NotYours>(outcome);
    wire::write_denied("not yours", name, yours.version, "", std::nullopt, yours.holds, json);
  }
  return wire::read_denied(json);
}

}  // namespace

template <class Carry>
auto FakeServer::request(const std::string& call, Carry carry) {
  calls.push_back(call);
  if (on_call) on_call(call);
  if (world_.ended && !deaf) throw http::HttpError(http::HttpError::Kind::interrupted, "interrupted");
  Fault fault;
  if (!faults.empty()) {
    fault = std::move(faults.front());
    faults.pop_front();
  }
  if (fault.raise && !fault.carried_out) fault.raise();
  auto answer = carry();
  if (fault.raise) fault.raise();
  if (afterwards) std::exchange(afterwards, nullptr)();
  return answer;
}

Outcome FakeServer::decide(const std::string& name, locks::Command command) {
  command.lock = name;
  command.caller.door = "locker";
  locks::Record& record = records[name];
  locks::Decision decision = locks::decide(record, command, {world_.wall(), {}, {}, &poll_});
  if (decision.change) {
    locks::apply(record, *decision.change);
    auto& lines = events[name];
    lines.insert(lines.end(), decision.change->events.begin(), decision.change->events.end());
  }
  return decision.outcome;
}

void FakeServer::hold(const std::string& name, const std::string& key, const std::string& holder,
                      const std::string& claim, locks::Metadata metadata) {
  decide(name, {"", {}, locks::Acquire{key, holder, claim, claim.empty() ? "" : "its", std::nullopt, metadata}});
}

void FakeServer::queue(const std::string& name, const std::string& key, const std::string& holder,
                       const std::string& claim) {
  locks::Acquire acquire{key, holder, claim, "its"};
  acquire.wait = std::chrono::milliseconds(0);
  decide(name, {"", {}, acquire});
}

void FakeServer::lapse(const std::string& name, const std::string& row) {
  const locks::Record& record = records[name];
  if (const auto* claim = locks::find_claim(record, row)) {
    decide(name, {"", {}, locks::Lapse{locks::RowKind::claim, row, claim->renewed}});
  } else if (const auto* waiter = locks::find_waiter(record, row)) {
    decide(name, {"", {}, locks::Lapse{locks::RowKind::waiter, row, waiter->renewed}});
  }
}

void FakeServer::free(const std::string& name) {
  decide(name, {"", {}, locks::ForceRelease{"a test"}});
}

wire::LockView FakeServer::lock(const std::string& name) {
  return request("lock", [&] {
    std::string json;
    wire::write_lock(name, records[name], json);
    return wire::read_lock(json);
  });
}

std::variant<wire::GrantedView, wire::DeniedView> FakeServer::acquire(const std::string& name,
                                                                      const client::Identity& identity,
                                                                      const client::Intention& intention,
                                                                      const client::AcquireOptions& options) {
  using Answer = std::variant<wire::GrantedView, wire::DeniedView>;
  return request("acquire", [&]() -> Answer {
    waits.push_back(options.wait);
    const locks::Acquire acquire{identity.key,    identity.holder,  intention.claim, intention.request,
                                 intention.begun, options.metadata, options.ttl,     options.wait};
    const Outcome outcome = wait(name, acquire, decide(name, {"", {}, acquire}));
    const auto* granted = std::get_if<locks::Granted>(&outcome);
    if (granted == nullptr) return denied(name, outcome);
    std::string json;
    wire::write_granted("granted", name, intention.claim, "", *granted, json);
    return wire::read_granted(json);
  });
}

// The poll: the outcome as soon as it is no longer that of a waiter, or when the time is over.
Outcome FakeServer::wait(const std::string& name, const locks::Acquire& acquire, Outcome outcome) {
  if (!std::holds_alternative<locks::Queued>(outcome)) return outcome;
  poll_.of_claim = acquire.claim;
  poll_.of_request = acquire.request;
  const auto until = world_.passed + std::min(acquire.wait.value_or(std::chrono::milliseconds(0)), longest_wait);
  while (world_.passed < until && std::holds_alternative<locks::Queued>(outcome)) {
    world_.sleep(std::min(until - world_.passed, std::chrono::milliseconds(1000)));
    if (world_.ended) break;
    // The same request again says what stands now, and changes nothing.
    outcome = decide(name, {"", {}, acquire});
  }
  poll_ = {};
  if (world_.ended) throw http::HttpError(http::HttpError::Kind::interrupted, "interrupted");
  return outcome;
}

std::variant<wire::ReleasedView, wire::DeniedView> FakeServer::released(const std::string& name,
                                                                        locks::Release release) {
  const Outcome outcome = decide(name, {"", {}, std::move(release)});
  const auto* done = std::get_if<locks::Released>(&outcome);
  if (done == nullptr) return denied(name, outcome);
  std::string json;
  wire::write_released("released", name, *done, json);
  return wire::read_released(json);
}

std::variant<wire::ReleasedView, wire::DeniedView> FakeServer::release(const std::string& name,
                                                                       const client::Identity& identity, bool all) {
  return request("release",
                 [&] { return released(name, {.key = identity.key, .holder = identity.holder, .all = all}); });
}

std::variant<wire::ReleasedView, wire::DeniedView> FakeServer::release_claim(const std::string& name,
                                                                             const client::Identity& identity,
                                                                             const std::string& claim) {
  return request("release_claim",
                 [&] { return released(name, {.key = identity.key, .holder = identity.holder, .claim = claim}); });
}

std::variant<wire::ReleasedView, wire::DeniedView> FakeServer::withdraw(const std::string& name,
                                                                        const client::Identity& identity,
                                                                        const client::Intention& intention) {
  return request("withdraw", [&] {
    return released(name, {.key = identity.key,
                           .holder = identity.holder,
                           .claim = intention.claim,
                           .request = intention.request,
                           .begun = intention.begun});
  });
}

wire::HistoryView FakeServer::history(const std::string& name, locks::Version after, std::size_t limit,
                                      bool newest) {
  return request("history", [&] {
    const std::vector<locks::Event>& all = events[name];
    wire::HistoryView view;
    view.version = records[name].head.version;
    view.oldest = all.empty() ? 0 : all.front().version;
    std::vector<locks::Event> fitting;
    for (const locks::Event& event : all) {
      if (event.version > after) fitting.push_back(event);
    }
    if (newest) std::reverse(fitting.begin(), fitting.end());
    view.more = fitting.size() > limit;
    if (view.more) fitting.resize(limit);
    view.events = std::move(fitting);
    return view;
  });
}

VerbRun ResourceStage::run(void (*verb)(resource::Stage&), const std::string& input,
                           std::vector<std::string> arguments) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream log;
  resource::Stage stage{.arguments = std::move(arguments),
                        .input = in,
                        .output = out,
                        .log = log,
                        .environment = [this](const char* name) -> std::optional<std::string> {
                          const auto at = environment.find(name);
                          return at == environment.end() ? std::nullopt : std::optional(at->second);
                        },
                        .world = world,
                        .connect = [this](const resource::Source&) -> resource::LockServer& { return server; },
                        .fetch = fetch};
  VerbRun result;
  result.code = resource::run_verb(stage, verb);
  result.output = out.str();
  result.log = log.str();
  return result;
}

}  // namespace lockkeeper::support
