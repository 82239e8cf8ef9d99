#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/support/waiters/peer.h"
#include "tests/support/waiters/stories.h"
#include "wire/native_json.h"

namespace lockkeeper::waiters {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::minutes longer_than_any_test{9};

struct Seen {
  // From the end of the ttl to the answer of the next grant, as the lease's holder counts: from the lease's answer.
  std::vector<milliseconds> late;
  milliseconds least_from_request = milliseconds::max();  // counted from before its request left: below 0 is early
  std::size_t early_in_history = 0;
};

wire::AcquireBody wish(const std::string& claim) {
  wire::AcquireBody body;
  body.key = body.claim = body.holder = claim;
  body.request = "only";
  return body;
}

class Leaser {
 public:
  Leaser(const boost::asio::any_io_executor& executor, const Options& options, Seen& seen, std::size_t number)
      : peer_(executor, options.port),
        ttl_(options.ttl),
        starts_(options.within * static_cast<int>(number) / static_cast<int>(options.connections)),
        target_("/lock/lapses-" + std::to_string(number)),
        seen_(seen) {}

  awaitable<void> run() {
    co_await peer_.pause(starts_);
    wire::AcquireBody lease = wish("lease");
    lease.ttl = ttl_;
    const auto asked = Clock::now();
    co_await granted(lease);
    const auto answered = Clock::now();
    wire::AcquireBody next = wish("next");
    next.wait = longer_than_any_test;
    co_await granted(next);
    const auto over = Clock::now();
    seen_.late.push_back(std::chrono::floor<milliseconds>(over - (answered + ttl_)));
    seen_.least_from_request =
        std::min(seen_.least_from_request, std::chrono::floor<milliseconds>(over - (asked + ttl_)));
  }

  // What the server itself says: after all is over, so that nobody is kept from being on time.
  awaitable<void> read_history() {
    const std::optional<Answer> answer = co_await peer_.ask(verb::get, target_ + "/history?order=oldest", "");
    if (!answer || answer->status != 200) throw std::runtime_error("no history of " + target_);
    std::optional<locks::WallTime> acquired, lapsed;
    for (const locks::Event& event : wire::read_history(answer->body).events) {
      if (event.what == locks::What::acquired && event.claim == "lease") acquired = event.at;
      if (event.what == locks::What::lapsed && event.claim == "lease") lapsed = event.at;
    }
    if (!acquired || !lapsed) throw std::runtime_error("history does not tell of the lapse: " + answer->body);
    seen_.early_in_history += *lapsed - *acquired < ttl_ ? 1 : 0;
  }

 private:
  awaitable<void> granted(const wire::AcquireBody& body) {
    const std::optional<Answer> answer = co_await peer_.ask(verb::put, target_, wire::write_body(body));
    if (!answer) throw std::runtime_error("no answer about " + target_);
    if (answer->status != 200) throw std::runtime_error(target_ + ": " + answer->body);
  }

  Peer peer_;
  const milliseconds ttl_, starts_;
  const std::string target_;
  Seen& seen_;
};

long long part(const std::vector<milliseconds>& sorted, double which) {
  return sorted[static_cast<std::size_t>(which * static_cast<double>(sorted.size() - 1))].count();
}

}  // namespace

int lapses(const Options& options) {
  boost::asio::io_context io(1);
  Seen seen;
  std::vector<std::unique_ptr<Leaser>> crowd;
  for (std::size_t number = 0; number < options.connections; ++number) {
    crowd.push_back(std::make_unique<Leaser>(io.get_executor(), options, seen, number));
  }
  for (auto& leaser : crowd) boost::asio::co_spawn(io, leaser->run(), rethrow);
  io.run();
  io.restart();
  for (auto& leaser : crowd) boost::asio::co_spawn(io, leaser->read_history(), rethrow);
  io.run();
  std::sort(seen.late.begin(), seen.late.end());
  std::printf(
      "{\"leases\":%zu,\"early_in_history\":%zu,\"least_from_request_ms\":%lld,"
      "\"late_ms\":{\"p50\":%lld,\"p99\":%lld,\"most\":%lld}}\n",
      seen.late.size(), seen.early_in_history, static_cast<long long>(seen.least_from_request.count()),
      part(seen.late, 0.5), part(seen.late, 0.99), part(seen.late, 1));
  return 0;
}

}  // namespace lockkeeper::waiters
