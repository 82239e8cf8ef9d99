// A Lockkeeper server as stormlock's backend: a person's lock is a lock like any other, so that pipelines respect
// it, and `--wait` joins its queue.
//
// The lease's id, 128 random bits, is both the claim's name and the key it is held with. So, as with the original,
// whoever knows the id can release and renew it, from any machine, and `current` shows it to everybody: it is a
// name, no secret. What keeps strangers away is the server's password. And as a key that nobody else has it
// excludes everybody.
//
// Claims that others made (a pipeline, lockctl) are shown with their names; one without a name as "token-47", after
// its fencing token. They are not stormlock's: to release() and renew() these are no lease ids.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "cli/stormlock/backend.h"
#include "client/acquisition.h"
#include "client/lock_client.h"
#include "http/client.h"

namespace lockkeeper::cli::stormlock {

class LockkeeperBackend final : public Backend {
 public:
  // `section`: what it is called, for errors. Throws BackendError.
  LockkeeperBackend(const client::Settings& settings, std::string section);

  std::variant<Lease, Held> acquire(const Wish& wish) override;
  void release(const std::string& resource, const std::string& id) override;
  bool renew(const std::string& resource, const std::string& id, std::chrono::seconds ttl) override;
  std::optional<Lease> current(const std::string& resource) override;
  bool is_held(const std::string& resource, const std::string& id) override;

  bool can_wait() const override { return true; }
  std::variant<Lease, Held> acquire(const Wish& wish, std::chrono::milliseconds wait, const Telling& tell) override;
  void interrupt() noexcept override { interrupt_.raise(); }

 private:
  std::variant<Lease, Held> take(const Wish& wish, std::optional<std::chrono::milliseconds> wait,
                                 const client::Acquisition::Listener& listener);
  template <class Ask>
  std::invoke_result_t<Ask> once(Ask ask) const;
  template <class Ask>
  std::invoke_result_t<Ask> until_answered(Ask ask) const;
  [[noreturn]] void give_up() const;
  void require_leases() const;
  wire::LockView look(const std::string& resource);
  std::optional<Lease> oldest(const std::string& resource);

  const std::string section_;
  const std::chrono::milliseconds timeout_;
  http::Interrupt interrupt_;
  std::unique_ptr<client::LockClient> client_;
};

}  // namespace lockkeeper::cli::stormlock
