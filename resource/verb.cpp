#include "resource/verb.h"

#include <istream>
#include <iterator>

#include "client/failure.h"
#include "resource/build_log.h"
#include "resource/ends.h"

namespace lockkeeper::resource {

int run_verb(Stage& stage, void (*verb)(Stage& stage)) noexcept {
  BuildLog log(stage.log, LogLevel::error);
  try {
    try {
      verb(stage);
      return kDone;
    } catch (const StepEnded& ended) {
      log.error(ended.what());
      return kEnded;
    } catch (const StepFailed& failed) {
      log.error(failed.what());
    } catch (const PayloadError& fault) {
      log.error(std::string("this pipeline has to be changed: ") + fault.what());
    } catch (...) {
      const client::Failure failure = client::current_failure();
      if (failure.ended) return kEnded;
      log.error(failure.text);
    }
  } catch (const std::exception& unexpected) {
    log.error(unexpected.what());
  } catch (...) {
    log.error("an exception of no known kind");
  }
  return kFailed;
}

std::string read_all(std::istream& input) {
  return {std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
}

}  // namespace lockkeeper::resource
