// Parts of the server that it loads only where an option asks for them.
#pragma once

#include <string>

namespace lockkeeper::server {

class Module {
 public:
  // `file` is beside the program, or in ../lib/lockkeeper as seen from there. It is never unloaded: libraries have
  // threads that outlive their use. `asked_by` begins what is said of a fault, `hint` tells how to come by the file
  // and its libraries. `version_symbol` names a function that returns the version it was built with, which has to
  // be this server's: another one's seam may be another. Throws StartError.
  Module(const std::string& file, std::string asked_by, const std::string& hint, const char* version_symbol);

  template <class Function>
  Function symbol(const char* name) const {
    return reinterpret_cast<Function>(find(name));
  }

 private:
  void* find(const char* name) const;

  std::string asked_by_;
  std::string path_;
  void* handle_ = nullptr;
};

}  // namespace lockkeeper::server
