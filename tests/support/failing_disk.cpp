// Preloaded into a server: from the moment that the file named by FAILING_DISK is there, what is to be synced fails
// ("fail" in it) or never comes back ("hang").
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

char fault() {
  const char* path = std::getenv("FAILING_DISK");
  const int file = path != nullptr ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  char first = 0;
  if (file >= 0 && read(file, &first, 1) != 1) first = 0;
  if (file >= 0) close(file);
  return first;
}

int synced(int file, const char* name) {
  const char wanted = fault();
  while (wanted == 'h') pause();
  if (wanted == 'f') {
    errno = EIO;
    return -1;
  }
  return reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, name))(file);
}

}  // namespace

extern "C" int fsync(int file) {
  return synced(file, "fsync");
}
extern "C" int fdatasync(int file) {
  return synced(file, "fdatasync");
}
