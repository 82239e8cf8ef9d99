// `put` with lock_op: unlock. Tries until it got through or unlock_timeout; never waits for anybody's hold.
#pragma once

#include <iosfwd>
#include <string>
#include <variant>
#include <vector>

#include "out/fetched_claim.h"
#include "resource/answer.h"
#include "resource/patience.h"
#include "resource/world.h"

namespace lockkeeper::out {

class UnlockStep {
 public:
  struct Order {
    const resource::Source& source;
    const resource::OutParams& params;
    const resource::Build& build;
    std::string lock;
    std::string inputs;  // the folder that params.from is relative to
  };
  UnlockStep(resource::World& world, resource::BuildLog& log, resource::LockServer& server,
             resource::Patience& patience, Order order);

  // Throws StepFailed: the server could not be reached, or another key holds what was to be released; StepEnded.
  void run(std::ostream& output);

 private:
  using Answer = std::variant<wire::ReleasedView, wire::DeniedView>;

  Answer release_own();
  Answer release_from();
  Answer release_oldest();
  Answer release_all();
  std::string how_it_ended(const FetchedClaim& fetched);
  Answer by_claim(const client::Identity& identity, const std::string& claim);
  template <class Ask>
  auto ask(Ask ask_once);
  wire::LockView lock();
  void warn_of_early_end(const std::string& ended);
  void warn_of_what_stays(const std::vector<wire::HoldView>& holders);
  bool same_key(const std::vector<wire::HoldView>& holders);
  void answer(const wire::ReleasedView& released, std::ostream& output);

  resource::World& world_;
  resource::BuildLog& log_;
  resource::LockServer& server_;
  resource::Patience& patience_;
  Order order_;
  std::string server_url_;
  resource::Owner owner_;
  bool other_key_ = false;  // the server refused: another key holds the lock
};

}  // namespace lockkeeper::out
