// What to do where a database was asked and its answer is lost.
#pragma once

#include <stdexcept>
#include <string>

#include "cli/stormlock/backend.h"

namespace lockkeeper::cli::stormlock {

// Whether what was asked was done is not known.
class AnswerLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Asks what may be asked twice. Throws BackendError where the second answer is lost, too.
template <class Ask>
auto ask_twice(Ask ask) {
  try {
    return ask();
  } catch (const AnswerLost&) {
  }
  try {
    return ask();
  } catch (const AnswerLost& lost) {
    throw BackendError(lost.what() + std::string("; try again, that does no harm"));
  }
}

// Of an acquire() under that id, when nobody can be asked any more.
BackendError perhaps_taken(const std::string& why, const std::string& resource, const std::string& id);

// An acquire() that is tried again under the same id: what the first try has done, or may do yet, is its own.
template <class Try>
auto acquire_twice(const std::string& resource, const std::string& id, Try try_once) {
  try {
    return try_once();
  } catch (const AnswerLost&) {
  }
  try {
    return try_once();
  } catch (const AnswerLost& lost) {
    throw perhaps_taken(lost.what(), resource, id);
  } catch (const BackendError& error) {
    throw perhaps_taken(error.what(), resource, id);
  }
}

}  // namespace lockkeeper::cli::stormlock
