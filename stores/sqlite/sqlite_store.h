// Records in one SQLite file, for one server. WAL, synchronous=FULL, both asserted when it opens.
//
// One thread of its own owns the connection: all commits begun since the last fsync go into one transaction
// (group commit); each is conditional on its expected version by itself. Reads run on the same thread between
// transactions. A failed fsync calls `fatal` (the process must end without a checkpoint: the page cache cannot
// be trusted any more); a full disk fails the batch with Failed::no_room and goes on.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "engine/store.h"
#include "stores/boot_clock.h"

namespace lockkeeper::stores {

struct SqliteOptions {
  std::string path;
  std::string vfs;               // SQLite VFS name; empty: the default. Tests plant faults through it.
  bool synchronous_full = true;  // false only in the test that proves the durability test can fail
  // How many commits the table of heads may lag behind (heads.h): memory and file, 25 MiB each, and 0.3 s of start
  // after a crash. The same for one file always; tests take a small one.
  std::size_t redo_entries = 131'072;
  // By which rows tell their age; outlives the store. Null: the system's.
  const BootClock* boot_clock = nullptr;
  // How much larger than the time since its commit came back the age of a row may be: the engine's deadline of a
  // commit, since that is what it takes off.
  std::chrono::milliseconds age_allowance = std::chrono::seconds(2);
  // Called on the store's thread after a failed fsync; must not return. Default: message to stderr, _exit(1).
  std::function<void(const std::string&)> fatal;
};

class SqliteStore final : public engine::Store {
 public:
  // Opens or creates the file, takes it for this process, migrates its schema. Throws engine::StoreError: the
  // file is damaged, not a database, of a newer schema, in use by another server, or not writable.
  explicit SqliteStore(SqliteOptions options);
  ~SqliteStore() override;

  void open(engine::Completions& completions) override;
  void begin(engine::Operation* chain) override;
  void close() override;
  bool exclusive() const override;
  bool ready() const override;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

// Creates `path` from an original locker's data file (JSON: name -> {"key", "locked_by": {holder: count}}), in
// one transaction under a temporary name, then renames it into place with its directory synced. The
// old file is left as it is. Returns how many held locks were taken over. Throws engine::StoreError: not such a
// file, negative or overflowing counts, names beyond the limits.
std::size_t import_locker_file(const std::string& locker_file, const std::string& path);

// What a file is, by its first bytes.
enum class FileKind { absent, empty, sqlite, json, other };
FileKind file_kind(const std::string& path);

}  // namespace lockkeeper::stores
