#include "server/hardening.h"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace lockkeeper::server {

void keep_memory_private() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The leak check looks into its own process by ptrace, which this would forbid.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

Environment take_environment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const char* equals = std::strchr(*entry, '=');
    if (equals == nullptr) continue;
    environment.emplace(std::string(*entry, static_cast<std::size_t>(equals - *entry)), equals + 1);
  }
  for (const char* name :
       {"AUTH_PASS", "LOCKKEEPER_AUTH_PASS", "LOCKKEEPER_STORE", "LOCKKEEPER_COPY_FROM", "LOCKKEEPER_COPY_TO"}) {
    if (char* password = std::getenv(name)) {
      OPENSSL_cleanse(password, std::strlen(password));
      unsetenv(name);
    }
  }
  // These are read later, where they are used, and at each connect: getenv() finds a copy from here on.
  for (const char* name : {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD"}) {
    char* shown = std::getenv(name);
    if (shown == nullptr) continue;
    if (setenv(name, std::string(shown).c_str(), 1) != 0) throw std::bad_alloc();
    OPENSSL_cleanse(shown, std::strlen(shown));
  }
  return environment;
}

}  // namespace lockkeeper::server
