#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "tests/support/waiters/peer.h"
#include "tests/support/waiters/stories.h"
#include "wire/native_json.h"

namespace lockkeeper::waiters {
namespace {

using std::chrono::milliseconds;

const std::string target = "/lock/handed-over";
constexpr milliseconds one_poll{3000};

// Who is in: at most one of the crowd, and its token is greater than those of all before it.
class Door {
 public:
  void enter(const std::string& claim, locks::Version token) {
    if (inside_) throw std::runtime_error(claim + " is let in while somebody holds the lock");
    if (token <= last_) throw std::runtime_error(claim + " has a token that is not the greatest so far");
    inside_ = true;
    last_ = token;
    std::printf("granted %s %llu\n", claim.c_str(), static_cast<unsigned long long>(token));
    std::fflush(stdout);
  }
  void leave() { inside_ = false; }

 private:
  bool inside_ = false;
  locks::Version last_ = 0;
};

class Waiter {
 public:
  Waiter(const boost::asio::any_io_executor& executor, const Options& options, Door& door, std::size_t number)
      : peer_(executor, options.port),
        hold_(options.hold),
        door_(door),
        claim_("waiter-" + std::to_string(number)),
        chance_(static_cast<unsigned>(number)) {}

  awaitable<void> run() {
    const locks::Version token = co_await wait();
    door_.enter(claim_, token);
    co_await peer_.pause(hold_);
    door_.leave();
    co_await release();
  }

 private:
  // The server may die at any time. Asked again, the same request gets its own place, or its own lock.
  awaitable<locks::Version> wait() {
    wire::AcquireBody body;
    body.key = body.claim = body.holder = claim_;
    body.request = "only";
    body.has_begun = true;
    body.wait = one_poll;
    const std::string text = wire::write_body(body);
    for (;;) {
      const std::optional<Answer> answer = co_await peer_.ask(verb::put, target, text);
      if (answer && answer->status == 200) co_return wire::read_granted(answer->body).token;
      if (answer && answer->status == 423) {
        moved_up(answer->body);
      } else {
        co_await later(answer);
      }
    }
  }

  void moved_up(const std::string& body) {
    const auto denied = wire::read_denied(body);
    if (!denied.queued) throw std::runtime_error(claim_ + " has no place: " + body);
    if (denied.queued->position > position_) throw std::runtime_error(claim_ + " fell back in the queue: " + body);
    position_ = denied.queued->position;
  }

  awaitable<void> release() {
    wire::ReleaseBody body;
    body.key = body.claim = body.holder = claim_;
    for (;;) {
      const std::optional<Answer> answer = co_await peer_.ask(verb::delete_, target, wire::write_body(body));
      if (answer && answer->status == 200) co_return;
      co_await later(answer);
    }
  }

  // No answer, or one that says that there will be one later.
  awaitable<void> later(const std::optional<Answer>& answer) {
    if (answer && answer->status != 503) {
      throw std::runtime_error(claim_ + ": " + std::to_string(answer->status) + " " + answer->body);
    }
    co_await peer_.pause(milliseconds(std::uniform_int_distribution<int>(20, 120)(chance_)));
  }

  Peer peer_;
  const milliseconds hold_;
  Door& door_;
  const std::string claim_;
  std::minstd_rand chance_;
  std::uint64_t position_ = UINT64_MAX;
};

}  // namespace

int hand_over(const Options& options) {
  boost::asio::io_context io(1);
  Door door;
  std::vector<std::unique_ptr<Waiter>> crowd;
  for (std::size_t number = 0; number < options.connections; ++number) {
    crowd.push_back(std::make_unique<Waiter>(io.get_executor(), options, door, number));
    boost::asio::co_spawn(io, crowd.back()->run(), rethrow);
  }
  io.run();
  return 0;
}

}  // namespace lockkeeper::waiters
