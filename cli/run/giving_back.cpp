#include "cli/run/giving_back.h"

#include <algorithm>
#include <random>

#include "cli/trouble.h"
#include "client/retry.h"

namespace lockkeeper::cli::run {

using client::BootClock;
using std::chrono::milliseconds;

std::optional<std::string> give_back(client::LockClient& client, const Held& held, BootClock::time_point end,
                                     const http::Interrupt* interrupt) {
  constexpr milliseconds kOneTry{2500};
  client::Backoff backoff({.first = milliseconds(200), .cap = std::chrono::seconds(2)},
                          [random = std::mt19937(std::random_device()())]() mutable {
                            return std::uniform_real_distribution<>()(random);
                          });
  client.set_interrupt(interrupt);
  const http::Interrupt never;
  for (;;) {
    try {
      client.set_request_timeout(
          std::clamp(std::chrono::ceil<milliseconds>(end - BootClock::now()), milliseconds(100), kOneTry));
      const auto answer = held.request.empty()
                              ? client.release_claim(held.lock, held.identity, held.claim)
                              : client.withdraw(held.lock, held.identity, {held.claim, held.request, std::nullopt});
      const auto* denied = std::get_if<wire::DeniedView>(&answer);
      // With another key it is somebody else's by now, and nothing of ours is left to give.
      if (denied == nullptr || denied->native) return std::nullopt;
      return denied->error;
    } catch (const std::exception&) {
      const Trouble trouble = current_trouble();
      const milliseconds pause = backoff.next(trouble.retry_after);
      if (!trouble.may_pass || BootClock::now() + pause >= end) return trouble.what;
      if ((interrupt != nullptr ? *interrupt : never).sleep(pause)) return trouble.what;
    }
  }
}

}  // namespace lockkeeper::cli::run
