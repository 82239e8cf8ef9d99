// The dialect of workflow locks (their README's API), which are gates here: locked, then released, then deleted. An
// agent resumes the workflow of a released one.
//
//   POST   /lock            {"workflow","namespace"}: a gate; {"id"} too: asking again makes no second one
//   GET    /lock/?id=ID
//   PATCH  /lock/?id=ID     releases it; one that is released stays as it is
//   DELETE /lock/?id=ID     {}; also one that is still locked, as its history tells
//   PUT    /lock/?id=ID     {"note"}: shown with it; ours, as are those below
//   GET    /lock/history?id=ID&limit=
//   GET    /locks?status=locked|released&limit=&after=ID
//   GET    /locks?status=released&wait=25s&since=CURSOR&limit=
#pragma once

#include <span>

#include "server/doors/door.h"
#include "server/routes.h"

namespace lockkeeper::server {

class WorkflowDoor final : public Door {
 public:
  explicit WorkflowDoor(FrontDesk& desk) : desk_(desk) {}
  void serve(http::Exchange& exchange, const Target& target) override;

  static std::span<const Route> routes();

 private:
  FrontDesk& desk_;
};

}  // namespace lockkeeper::server
