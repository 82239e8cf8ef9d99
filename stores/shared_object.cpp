#include "stores/shared_object.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace lockkeeper::stores {

SharedObject::SharedObject(const std::string& file, std::string asked_by, const std::string& hint,
                           const char* version_symbol)
    : asked_by_(std::move(asked_by)) {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::filesystem::path places[] = {program / file,
                                          (program / "../lib/lockkeeper" / file).lexically_normal()};
  for (const auto& place : places) {
    if (path_.empty() && std::filesystem::exists(place, error)) path_ = place.string();
  }
  if (path_.empty()) {
    throw SharedObjectError(asked_by_ + ": there is neither " + places[0].string() + " nor " + places[1].string() +
                            " (" + hint + ")");
  }
  handle_ = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle_ == nullptr) throw SharedObjectError(asked_by_ + ": " + dlerror() + " (" + hint + ")");
  const std::string version = symbol<const char* (*)()>(version_symbol)();
  if (version != LOCKKEEPER_VERSION) {
    throw SharedObjectError(asked_by_ + ": " + path_ + " is of version " + version + ", this program of " +
                            LOCKKEEPER_VERSION);
  }
}

void* SharedObject::find(const char* name) const {
  void* const found = dlsym(handle_, name);
  if (found == nullptr) throw SharedObjectError(asked_by_ + ": " + path_ + " has no " + name);
  return found;
}

}  // namespace lockkeeper::stores
