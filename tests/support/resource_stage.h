// A stage for the verbs: a world whose time is the test's, and a lock server of the real rules in memory.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "locks/decide.h"
#include "resource/verb.h"
#include "resource/world.h"

namespace lockkeeper::support {

class FakeWorld : public resource::World {
 public:
  std::chrono::steady_clock::time_point now() override { return std::chrono::steady_clock::time_point(passed); }
  locks::WallTime wall() override { return start + passed; }
  bool sleep(std::chrono::milliseconds duration) override {
    if (ended) return true;
    passed += duration;
    ++sleeps;
    if (on_sleep) on_sleep();
    return ended;
  }
  bool interrupted() override { return ended; }
  double random() override { return 0.999; }
  std::string request_id() override { return "request-" + std::to_string(++requests); }

  locks::WallTime start{std::chrono::milliseconds(1'795'269'720'000)};  // 2026-11-21T14:02:00Z
  std::chrono::milliseconds passed{0};
  bool ended = false;
  int sleeps = 0;
  int requests = 0;
  std::function<void()> on_sleep;
};

// The rules of locks/ behind the calls of a client. `on_call` hears of every request before it is carried out;
// `faults` are taken one a request, by whatever it throws, before or after the request is carried out. While a poll
// is open, the world sleeps second by second, so that `on_sleep` is where others do what they do.
class FakeServer : public resource::LockServer {
 public:
  struct Fault {
    std::function<void()> raise;
    bool carried_out = false;
  };
  explicit FakeServer(FakeWorld& world) : world_(world) {}

  void set_request_timeout(std::chrono::milliseconds timeout) override { timeouts.push_back(timeout); }
  void ignore_interrupt() override { deaf = true; }
  client::ServerKind kind() override { return kind_of; }
  wire::LockView lock(const std::string& name) override;
  std::variant<wire::GrantedView, wire::DeniedView> acquire(const std::string& name,
                                                            const client::Identity& identity,
                                                            const client::Intention& intention,
                                                            const client::AcquireOptions& options) override;
  std::variant<wire::ReleasedView, wire::DeniedView> release(const std::string& name,
                                                             const client::Identity& identity, bool all) override;
  std::variant<wire::ReleasedView, wire::DeniedView> release_claim(const std::string& name,
                                                                   const client::Identity& identity,
                                                                   const std::string& claim) override;
  std::variant<wire::ReleasedView, wire::DeniedView> withdraw(const std::string& name,
                                                              const client::Identity& identity,
                                                              const client::Intention& intention) override;
  wire::HistoryView history(const std::string& name, locks::Version after, std::size_t limit, bool newest) override;

  // Directly, as if by somebody else.
  locks::Outcome decide(const std::string& name, locks::Command command);
  void hold(const std::string& name, const std::string& key, const std::string& holder,
            const std::string& claim = "", locks::Metadata metadata = {});
  void free(const std::string& name);
  void queue(const std::string& name, const std::string& key, const std::string& holder, const std::string& claim);
  void lapse(const std::string& name, const std::string& claim);  // the claim or place of that name
  std::uint64_t count(const std::string& name) { return locks::count(records[name]); }

  std::map<std::string, locks::Record> records;
  std::map<std::string, std::vector<locks::Event>> events;
  client::ServerKind kind_of = client::ServerKind::lockkeeper;
  std::chrono::milliseconds longest_wait{600'000};              // of a poll; 0: as one that has too many open
  std::vector<std::optional<std::chrono::milliseconds>> waits;  // of each acquire
  std::vector<std::string> calls;                               // "lock", "acquire", ...
  std::function<void(const std::string& call)> on_call;
  std::function<void()> afterwards;  // once, when the request has been carried out and answered
  std::deque<Fault> faults;
  std::vector<std::chrono::milliseconds> timeouts;
  bool deaf = false;

 private:
  template <class Carry>
  auto request(const std::string& call, Carry carry);
  std::variant<wire::ReleasedView, wire::DeniedView> released(const std::string& name, locks::Release release);
  locks::Outcome wait(const std::string& name, const locks::Acquire& acquire, locks::Outcome outcome);

  struct OnePoll final : locks::Polls {
    bool open(const std::string& claim, const std::string& request) const override {
      return !claim.empty() && claim == of_claim && request == of_request;
    }
    std::string of_claim, of_request;
  };

  FakeWorld& world_;
  OnePoll poll_;
};

// One run of a verb.
struct VerbRun {
  int code = 0;
  std::string output;
  std::string log;
};

class ResourceStage {
 public:
  ResourceStage() : server(world) {}
  VerbRun run(void (*verb)(resource::Stage&), const std::string& input, std::vector<std::string> arguments = {});

  FakeWorld world;
  FakeServer server;
  std::map<std::string, std::string> environment = {{"ATC_EXTERNAL_URL", "https://ci.example.com"},
                                                    {"BUILD_ID", "4711"},
                                                    {"BUILD_NAME", "12"},
                                                    {"BUILD_JOB_NAME", "deploy"},
                                                    {"BUILD_PIPELINE_NAME", "web"},
                                                    {"BUILD_TEAM_NAME", "main"},
                                                    {"BUILD_URL", "https://ci.example.com/builds/4711"}};
  std::function<http::ClientResponse(const http::ClientSettings&, const http::ClientRequest&)> fetch;
};

}  // namespace lockkeeper::support
