#include "stores/redis/link.h"

#include <utility>

namespace lockkeeper::stores::redis {
namespace {

constexpr std::chrono::milliseconds kAgain{250};
constexpr std::chrono::milliseconds kIdle{1000};

}  // namespace

Link::Link(Loop& loop, Address address, std::chrono::milliseconds timeout, Events events)
    : timeout_(timeout),
      events_(std::move(events)),
      connection_(loop, std::move(address),
                  {[this](const std::string& why) { fell({why}, std::chrono::milliseconds(0)); },
                   [this](Reply& message) {
                     if (events_.message) events_.message(message);
                   },
                   [this] {
                     if (events_.caught_up) events_.caught_up();
                   }}),
      timer_(loop) {}

void Link::start() {
  try_now();
}

void Link::stop() {
  stopped_ = true;
  up_ = false;
  ++tries_;
  timer_.stop();
  connection_.close("the store is closed");
}

void Link::drop(const Fault& fault) {
  if (stopped_) return;
  up_ = false;
  connection_.close(fault.why);
  fell(fault, std::chrono::milliseconds(0));
}

void Link::try_now() {
  const auto mine = ++tries_;
  connection_.connect(timeout_, [this, mine](const Fault& fault) {
    if (mine != tries_) return;
    if (!fault.why.empty()) return fell(fault, kAgain);
    events_.greet([this, mine](const Fault& impolite) {
      if (mine != tries_) return;
      if (!impolite.why.empty()) {
        ++tries_;
        connection_.close(impolite.why);
        return fell(impolite, kAgain);
      }
      up_ = true;
      timer_.start(kIdle, [this] { look_after(); });
      events_.up();
    });
    connection_.flush();
  });
}

void Link::fell(const Fault& fault, std::chrono::milliseconds again) {
  if (stopped_) return;
  // A connection that stood is made again at once: the server may be back already.
  if (!std::exchange(up_, false)) again = kAgain;
  timer_.start(again, [this] { try_now(); });
  events_.down(fault);
}

void Link::look_after() {
  if (connection_.under_way() == 0) {
    connection_.send({"PING"}, Connection::Clock::now() + timeout_, [](Reply&) {});
    connection_.flush();
  }
  timer_.start(kIdle, [this] { look_after(); });
}

}  // namespace lockkeeper::stores::redis
