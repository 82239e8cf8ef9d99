// The --json of lockctl: the shapes of the native API (wire/native_json.h), of what the client has read. Characters
// that a terminal might obey are escaped. No newline at the end.
#pragma once

#include <string>
#include <vector>

#include "locks/change.h"
#include "wire/native_json.h"

namespace lockkeeper::cli::lockctl {

std::string json_of(const wire::LockView& lock);
std::string json_of(const wire::WaiterView& waiter);
std::string json_of(const locks::Event& event);
// Granted and Denied have the lock's name, Granted also whose it is.
std::string json_of(const std::string& lock, const std::string& holder, const wire::GrantedView& granted);
std::string json_of(const std::string& lock, const wire::ReleasedView& released);
std::string json_of(const std::string& lock, const wire::DeniedView& denied);
// Both members of `status` are JSON already.
std::string json_of_status(const std::string& server, const std::string& version, const std::string& status);

// "[a,\nb]" of what is handed in one by one, however many there are.
class JsonArray {
 public:
  // Each gives the text that comes next.
  std::string member(const std::string& json);
  std::string end() const { return any_ ? "]\n" : "[]\n"; }

 private:
  bool any_ = false;
};

}  // namespace lockkeeper::cli::lockctl
