// Parts of a program that it loads only where they are asked for: a store's module, a backend of stormlock's, gRPC.
#pragma once

#include <stdexcept>
#include <string>

namespace lockkeeper::stores {

// It is not there, does not load, or is another version's; the text is for the operator.
class SharedObjectError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class SharedObject {
 public:
  // `file` is beside the program, or in ../lib/lockkeeper as seen from there. It is never unloaded: libraries have
  // threads that outlive their use. `asked_by` begins what is said of a fault, `hint` tells how to come by the file
  // and its libraries. `version_symbol` names a function that returns the version it was built with, which has to
  // be this program's: another one's seam may be another. Throws SharedObjectError.
  SharedObject(const std::string& file, std::string asked_by, const std::string& hint, const char* version_symbol);

  // Throws SharedObjectError.
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

}  // namespace lockkeeper::stores
