// All of the outside that a verb touches, narrow enough for tests to own time and the server.
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "client/lock_client.h"
#include "http/client.h"
#include "resource/environment.h"
#include "resource/payload.h"

namespace lockkeeper::resource {

class World {
 public:
  virtual ~World() = default;
  virtual std::chrono::steady_clock::time_point now() = 0;     // what is waited and bounded is measured by it
  virtual locks::WallTime wall() = 0;                          // for people's eyes
  virtual bool sleep(std::chrono::milliseconds duration) = 0;  // true: Concourse ended the step meanwhile
  virtual bool interrupted() = 0;
  virtual double random() = 0;  // in [0, 1)
  virtual std::string request_id() = 0;
};

// client::LockClient's calls (see there), so that a test can stand in for a server.
class LockServer {
 public:
  virtual ~LockServer() = default;
  virtual void set_request_timeout(std::chrono::milliseconds timeout) = 0;
  virtual void ignore_interrupt() = 0;  // from here on, for a give-back
  virtual client::ServerKind kind() = 0;
  virtual wire::LockView lock(const std::string& name) = 0;
  virtual std::variant<wire::GrantedView, wire::DeniedView> acquire(const std::string& name,
                                                                    const client::Identity& identity,
                                                                    const client::Intention& intention,
                                                                    const client::AcquireOptions& options) = 0;
  virtual std::variant<wire::ReleasedView, wire::DeniedView> release(const std::string& name,
                                                                     const client::Identity& identity,
                                                                     bool all) = 0;
  virtual std::variant<wire::ReleasedView, wire::DeniedView> release_claim(const std::string& name,
                                                                           const client::Identity& identity,
                                                                           const std::string& claim) = 0;
  virtual std::variant<wire::ReleasedView, wire::DeniedView> withdraw(const std::string& name,
                                                                      const client::Identity& identity,
                                                                      const client::Intention& intention) = 0;
  virtual wire::HistoryView history(const std::string& name, locks::Version after, std::size_t limit,
                                    bool newest) = 0;
};

// One run of a verb.
struct Stage {
  std::vector<std::string> arguments;  // without the program's name
  std::istream& input;
  std::ostream& output;
  std::ostream& log;  // stderr: the build log
  Lookup environment;
  World& world;
  // A server that lives as long as the stage. Throws http::HttpError{bad_url, certificate}.
  std::function<LockServer&(const Source&)> connect;
  // One request elsewhere (a BOSH director).
  std::function<http::ClientResponse(const http::ClientSettings&, const http::ClientRequest&)> fetch;
};

}  // namespace lockkeeper::resource
