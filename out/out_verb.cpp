#include "out/out_verb.h"

#include <string>

#include "out/lock_step.h"
#include "out/unlock_step.h"
#include "resource/bosh_lock.h"
#include "resource/verb.h"

namespace lockkeeper::out {

using resource::Patience;

void run(resource::Stage& stage) {
  const resource::OutRequest request = resource::parse_out(resource::read_all(stage.input));
  const resource::Source& source = request.source;
  const resource::OutParams& params = request.params;
  resource::BuildLog log(stage.log, source.log_level);
  const resource::Build build = resource::read_build(stage.environment, source);
  resource::LockServer& server = stage.connect(source);
  const bool lock = params.operation == resource::Operation::lock;
  const Patience::Bound bound =
      lock ? Patience::Bound{params.wait.bound, params.wait.once} : Patience::Bound{source.unlock_timeout, false};
  Patience patience(stage.world, log, source.request_timeout, bound);
  std::string name = resource::lock_name(stage, source, patience);
  if (lock) {
    LockStep(stage.world, log, server, patience, {source, params, build, std::move(name)}).run(stage.output);
  } else {
    std::string inputs = stage.arguments.empty() ? "." : stage.arguments.front();
    UnlockStep(stage.world, log, server, patience, {source, params, build, std::move(name), std::move(inputs)})
        .run(stage.output);
  }
}

}  // namespace lockkeeper::out
