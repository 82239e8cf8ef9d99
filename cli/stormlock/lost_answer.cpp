#include "cli/stormlock/lost_answer.h"

namespace lockkeeper::cli::stormlock {

BackendError perhaps_taken(const std::string& why, const std::string& resource, const std::string& id) {
  return BackendError(why + "; whether '" + resource +
                      "' is locked now is not known: if `stormlock current --id-only` prints " + id +
                      ", the lock is yours, and `stormlock release` with that id gives it back");
}

}  // namespace lockkeeper::cli::stormlock
