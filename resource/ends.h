// How a step ends early. Thrown by what waits, caught by run_verb() and by a lock step that has to give back.
#pragma once

#include <stdexcept>

namespace lockkeeper::resource {

// The step failed; the text is for the build log.
class StepFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Concourse ended the step (SIGTERM).
class StepEnded : public std::runtime_error {
 public:
  StepEnded() : std::runtime_error("ended by Concourse") {}
};

}  // namespace lockkeeper::resource
