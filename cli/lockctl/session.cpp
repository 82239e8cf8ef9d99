#include "cli/lockctl/session.h"

#include "cli/lockctl/exit.h"

namespace lockkeeper::cli::lockctl {

using std::chrono::milliseconds;

client::LockClient& Session::client() {
  if (made_client == nullptr) {
    made_client = std::make_unique<client::LockClient>(configuration.api);
    made_client->set_interrupt(interrupt);
  }
  return *made_client;
}

milliseconds Session::interval() const {
  const milliseconds interval = line.duration("interval").value_or(std::chrono::seconds(2));
  if (interval < milliseconds(50)) throw Failure(Exit::usage, "--interval: 50ms is the least");
  return interval;
}

}  // namespace lockkeeper::cli::lockctl
