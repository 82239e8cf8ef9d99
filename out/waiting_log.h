// What the log of a step says while it waits for a lock: who holds it, which place it has and who is before it. One
// line when any of that changes, and one now and then when nothing does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "resource/build_log.h"
#include "resource/patience.h"
#include "resource/world.h"

namespace lockkeeper::out {

class WaitingLog {
 public:
  WaitingLog(resource::World& world, resource::BuildLog& log, const resource::Patience& patience, std::string lock);

  // What a refusal told; `queued`: with a place.
  void learn(std::vector<wire::HoldView> holders, std::optional<wire::QueuedView> queued);
  void tell();

  // Whether the place it had is another one by now.
  bool lost_place(const std::optional<wire::QueuedView>& queued) const;

  std::string reminder() const;  // "still waiting for prod after 4m: ..."
  std::string state() const;     // "held by a since 14:02Z (3m10s); place 2 of 4 in the queue, behind b"
  const std::vector<wire::HoldView>& holders() const { return holders_; }

 private:
  std::string marks() const;

  resource::World& world_;
  resource::BuildLog& log_;
  const resource::Patience& patience_;
  std::string lock_;
  std::vector<wire::HoldView> holders_;
  std::optional<wire::QueuedView> queued_;
  std::string told_;  // the marks of what the log has heard of
};

}  // namespace lockkeeper::out
