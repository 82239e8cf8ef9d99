#include "in/in_verb.h"

#include <chrono>
#include <string>
#include <utility>

#include "in/fetched.h"
#include "resource/bosh_lock.h"
#include "resource/verb.h"

namespace lockkeeper::in {

using namespace std::chrono_literals;
using resource::Patience;

namespace {

constexpr std::chrono::milliseconds kBound = 5min;

Fetched read(resource::Stage& stage, const resource::InRequest& request, resource::BuildLog& log,
             Patience::Bound bound) {
  const resource::Source& source = request.source;
  Patience patience(stage.world, log, source.request_timeout, bound);
  const std::string lock = resource::lock_name(stage, source, patience);
  resource::LockServer& server = stage.connect(source);
  return fetch(server, patience, http::without_userinfo(source.locker_uri), lock, request.version,
               resource::read_concourse(stage.environment, source), request.params.key);
}

std::string waited(const Fetched& fetched) {
  if (!fetched.stands || resource::metadata_value(fetched.claim_metadata, "build").empty()) return {};
  if (!fetched.queued) return {};
  return resource::seconds_text(*fetched.queued + resource::waited_before(fetched.claim_metadata));
}

resource::LockState state(const Fetched& fetched) {
  return {fetched.lock, fetched.now.holders, waited(fetched), "", fetched.ttl};
}

void answer(resource::Stage& stage, const resource::InRequest& request, resource::LockState state) {
  state.server = http::without_userinfo(request.source.locker_uri);
  resource::write_answer(stage.output, request.version, resource::metadata(state));
}

// Nothing is written, so nothing has to be known: an answer of the server only makes the build's page better.
void skip(resource::Stage& stage, const resource::InRequest& request, resource::BuildLog& log) {
  resource::Pairs metadata{{"lock", request.source.lock_name},
                           {"server", http::without_userinfo(request.source.locker_uri)}};
  try {
    const Fetched fetched = read(stage, request, log, {std::nullopt, true});
    answer(stage, request, state(fetched));
    return;
  } catch (const resource::StepFailed& failed) {
    log.warn(failed.what());
  }
  resource::write_answer(stage.output, request.version, metadata);
}

}  // namespace

void run(resource::Stage& stage) {
  const resource::InRequest request = resource::parse_in(resource::read_all(stage.input));
  resource::BuildLog log(stage.log, request.source.log_level);
  if (request.params.skip_download) return skip(stage, request, log);
  if (stage.arguments.empty()) throw resource::StepFailed("in: the folder to write into is not given");
  const Fetched fetched = read(stage, request, log, {kBound, false});
  write_files(fetched, stage.arguments.front());
  const auto revision = resource::revision(request.version);
  if (revision && *revision < fetched.now.version) {
    log.info(fetched.lock + " has moved on since: it is " +
             (fetched.now.held ? "held by " + resource::holders_text(fetched.now.holders, stage.world.wall())
                               : std::string("free")));
  }
  answer(stage, request, state(fetched));
}

}  // namespace lockkeeper::in
