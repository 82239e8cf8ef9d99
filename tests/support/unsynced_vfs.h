// A disk that can lose its power. A SQLite VFS over the default one: what was written stays apart, in memory,
// until it is synced, so that one can look at any moment at what a power cut would leave. Also a disk that is
// full, or whose writes or syncs fail.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>

namespace lockkeeper::support {

class UnsyncedVfs {
 public:
  enum class Call { write, truncate, sync };
  enum class Fault { none, full, write_error, sync_error };

  explicit UnsyncedVfs(const std::string& name);  // registers itself under that name
  ~UnsyncedVfs();                                 // no file may be open any more
  UnsyncedVfs(const UnsyncedVfs&) = delete;
  UnsyncedVfs& operator=(const UnsyncedVfs&) = delete;

  void fail(Fault fault);  // from now on; any thread
  std::uint64_t syncs() const;

  // Before each call that changes a file; on the thread that makes it. Set it while no file is open.
  std::function<void(const std::string& path, Call call)> before;

  // Copies all open files to `folder` as a power cut right now would leave them: all that was synced, and of the
  // sectors of 512 bytes written since, each with probability `survival`.
  void leave(const std::string& folder, double survival, std::mt19937_64& random);

  class Disk;

 private:
  std::unique_ptr<Disk> disk_;
};

}  // namespace lockkeeper::support
