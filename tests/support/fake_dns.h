// Stands in for the system's name service: getaddrinfo() of the test's program comes before libc's, for libcurl
// too. Include it in one file of the program. "hang.test" does not answer until release(), "nowhere.test" is
// unknown, everything else goes on to libc.
#pragma once

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>

namespace lockkeeper::testing {

class FakeDns {
 public:
  static FakeDns& instance() {
    static FakeDns dns;
    return dns;
  }
  void wait_for_question() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return hanging_ > 0; });
  }
  // Lets go of who hangs, and waits until they have gone.
  void release() {
    std::unique_lock lock(mutex_);
    released_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return hanging_ == 0; });
    released_ = false;
  }
  int hang() {
    std::unique_lock lock(mutex_);
    ++hanging_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return released_; });
    --hanging_;
    changed_.notify_all();
    return EAI_AGAIN;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int hanging_ = 0;
  bool released_ = false;
};

}  // namespace lockkeeper::testing

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (node && std::strcmp(node, "hang.test") == 0) return lockkeeper::testing::FakeDns::instance().hang();
  if (node && std::strcmp(node, "nowhere.test") == 0) return EAI_NONAME;
  return real(node, service, hints, result);
}
