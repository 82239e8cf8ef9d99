// A door is one dialect of HTTP: it turns a request into a question for the engine, and the answer into a reply.
// It holds no rules.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "http/listener.h"
#include "http/metrics_page.h"
#include "locks/limits.h"
#include "locks/outcome.h"
#include "server/io_mailbox.h"
#include "server/routes.h"
#include "server/target.h"

namespace lockkeeper::server {

class OpenPolls;

// What the house does for its doors. Any I/O thread.
class FrontDesk {
 public:
  virtual ~FrontDesk() = default;
  // Whether the credentials are right, or none are needed; `user` becomes the authenticated name or stays empty.
  virtual bool admits(const http::Request& request, std::string& user) const = 0;
  // The answer comes on that I/O thread.
  virtual void ask(IoCall& call, std::size_t io) = 0;
  virtual bool ready() const = 0;
  virtual engine::Counters counters() const = 0;
  virtual OpenPolls& polls(std::size_t io) = 0;  // only on that I/O thread
  virtual const locks::Limits& limits() const = 0;
  // A door's own families, which will be on the metrics page; before the listener starts.
  virtual void add_metrics(http::MetricsPage::Source) {}
  virtual std::string metrics_text() const { return {}; }
};

// One admitted request, hung on its exchange until the answer is out. What the log tells of it is here.
class Visit : public http::Exchange::Attachment, public IoCall {
 public:
  Visit(http::Exchange& to, std::string_view through) : exchange(to), door(through) {}

  http::Exchange& exchange;
  std::string_view door;  // a literal
  std::string user;
  bool waits = false;  // it asked to wait: a long poll

  void answered() noexcept final;
  // The client left before it got its answer.
  virtual void unheard() noexcept {}

 protected:
  // The reply to `answer`. What it throws becomes a 500.
  virtual http::Response reply() = 0;
};

class Door {
 public:
  virtual ~Door() = default;
  // `target.path` begins after the prefix under which the door is mounted. Must lead to exchange.answer().
  virtual void serve(http::Exchange& exchange, const Target& target) = 0;
};

// What a request came in with.
struct Entry {
  Match match;  // its route is not null
  std::string user;
};

// The common entrance of all doors: finds the request's route and checks its credentials. nullopt: it was answered
// (404, 405 with Allow, 401). As the originals: what is not there needs no credentials. What enters here is counted
// under its route.
std::optional<Entry> enter(const FrontDesk& desk, http::Exchange& exchange, std::span<const Route> routes,
                           std::string_view path);

// The page that Prometheus scrapes.
http::Response metrics_reply(const FrontDesk& desk);

http::Response json_reply(unsigned status, std::string body);

// {"error": "..."} with that status, the shape of every error (DESIGN: HTTP).
http::Response error_reply(unsigned status, std::string_view error);
// 503 with Retry-After.
http::Response unavailable_reply(const locks::Unavailable& unavailable);

}  // namespace lockkeeper::server
