#include "tests/support/unsynced_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <vector>

namespace lockkeeper::support {

namespace {

constexpr std::int64_t sector_bytes = 512;
using Sector = std::array<char, sector_bytes>;

// One open file: the real one holds what was synced, `written` what was not.
struct Contents {
  std::string path;
  sqlite3_file* real = nullptr;
  std::int64_t size = 0;       // as the program sees it
  std::int64_t real_size = 0;  // how much of the real one still shows through
  std::map<std::int64_t, Sector> written;

  Sector sector(std::int64_t number) const {
    if (const auto found = written.find(number); found != written.end()) return found->second;
    Sector bytes{};
    const auto start = number * sector_bytes;
    const auto length = std::clamp<std::int64_t>(real_size - start, 0, sector_bytes);
    if (length > 0) real->pMethods->xRead(real, bytes.data(), static_cast<int>(length), start);
    return bytes;
  }

  void read(char* to, std::int64_t length, std::int64_t offset) const {
    while (length > 0) {
      const auto number = offset / sector_bytes;
      const auto skip = offset % sector_bytes;
      const auto part = std::min(length, sector_bytes - skip);
      const auto bytes = sector(number);
      std::memcpy(to, bytes.data() + skip, static_cast<std::size_t>(part));
      to += part, offset += part, length -= part;
    }
  }

  void write(const char* from, std::int64_t length, std::int64_t offset) {
    size = std::max(size, offset + length);
    while (length > 0) {
      const auto number = offset / sector_bytes;
      const auto skip = offset % sector_bytes;
      const auto part = std::min(length, sector_bytes - skip);
      auto bytes = sector(number);
      std::memcpy(bytes.data() + skip, from, static_cast<std::size_t>(part));
      written[number] = bytes;
      from += part, offset += part, length -= part;
    }
  }

  void truncate(std::int64_t to) {
    size = to;
    real_size = std::min(real_size, to);
    written.erase(written.lower_bound((to + sector_bytes - 1) / sector_bytes), written.end());
  }

  int sync() {
    sqlite3_int64 before = 0;
    real->pMethods->xFileSize(real, &before);
    if (real_size < before) real->pMethods->xTruncate(real, real_size);
    for (const auto& [number, bytes] : written) {
      const auto start = number * sector_bytes;
      const auto length = static_cast<int>(std::min(sector_bytes, size - start));
      const int code = real->pMethods->xWrite(real, bytes.data(), length, start);
      if (code != SQLITE_OK) return code;
    }
    written.clear();
    real_size = size;
    return SQLITE_OK;
  }
};

struct OpenFile {
  sqlite3_file base;  // first: SQLite knows no other part
  UnsyncedVfs::Disk* disk;
  Contents* contents;
};

OpenFile& open_file(sqlite3_file* file) {
  return *reinterpret_cast<OpenFile*>(file);
}

// The real file's own structure lies behind ours.
sqlite3_file* real_file(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(OpenFile));
}

}  // namespace

class UnsyncedVfs::Disk {
 public:
  Disk(UnsyncedVfs& owner, std::string name)
      : name_(std::move(name)), owner_(owner), real_(sqlite3_vfs_find(nullptr)) {
    vfs_ = *real_;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(OpenFile)) + real_->szOsFile;
    vfs_.xOpen = open;
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~Disk() { sqlite3_vfs_unregister(&vfs_); }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    auto& disk = *static_cast<Disk*>(vfs->pAppData);
    file->pMethods = nullptr;
    const int code = disk.real_->xOpen(disk.real_, path, real_file(file), flags, out);
    if (code != SQLITE_OK) return code;
    auto contents = std::make_unique<Contents>();
    contents->path = path ? path : "";
    contents->real = real_file(file);
    sqlite3_int64 size = 0;
    contents->real->pMethods->xFileSize(contents->real, &size);
    contents->size = contents->real_size = size;
    open_file(file).disk = &disk;
    open_file(file).contents = contents.release();
    file->pMethods = &methods;
    const std::lock_guard lock(disk.mutex);
    disk.files.insert(open_file(file).contents);
    return SQLITE_OK;
  }

  // The page cache outlives the program: a closed file keeps what was written.
  static int close(sqlite3_file* file) {
    auto& [base, disk, contents] = open_file(file);
    const std::lock_guard lock(disk->mutex);
    contents->sync();
    disk->files.erase(contents);
    delete contents;
    return real_file(file)->pMethods->xClose(real_file(file));
  }

  static int read(sqlite3_file* file, void* to, int length, sqlite3_int64 offset) {
    auto& [base, disk, contents] = open_file(file);
    const std::lock_guard lock(disk->mutex);
    const auto there = std::clamp<std::int64_t>(contents->size - offset, 0, length);
    auto* bytes = static_cast<char*>(to);
    contents->read(bytes, there, offset);
    std::memset(bytes + there, 0, static_cast<std::size_t>(length - there));
    return there == length ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* file, const void* from, int length, sqlite3_int64 offset) {
    auto& [base, disk, contents] = open_file(file);
    disk->announce(*contents, Call::write);
    const std::lock_guard lock(disk->mutex);
    if (disk->fault == Fault::full) return SQLITE_FULL;
    if (disk->fault == Fault::write_error) return SQLITE_IOERR_WRITE;
    contents->write(static_cast<const char*>(from), length, offset);
    return SQLITE_OK;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    auto& [base, disk, contents] = open_file(file);
    disk->announce(*contents, Call::truncate);
    const std::lock_guard lock(disk->mutex);
    contents->truncate(size);
    return SQLITE_OK;
  }

  static int sync(sqlite3_file* file, int) {
    auto& [base, disk, contents] = open_file(file);
    disk->announce(*contents, Call::sync);
    const std::lock_guard lock(disk->mutex);
    if (disk->fault == Fault::sync_error) return SQLITE_IOERR_FSYNC;
    ++disk->syncs;
    return contents->sync();
  }

  static int size(sqlite3_file* file, sqlite3_int64* out) {
    *out = open_file(file).contents->size;
    return SQLITE_OK;
  }
  static int lock(sqlite3_file* file, int level) {
    return real_file(file)->pMethods->xLock(real_file(file), level);
  }
  static int unlock(sqlite3_file* file, int level) {
    return real_file(file)->pMethods->xUnlock(real_file(file), level);
  }
  static int check_lock(sqlite3_file* file, int* out) {
    return real_file(file)->pMethods->xCheckReservedLock(real_file(file), out);
  }
  static int control(sqlite3_file* file, int operation, void* argument) {
    return real_file(file)->pMethods->xFileControl(real_file(file), operation, argument);
  }
  static int sector_size(sqlite3_file* file) { return real_file(file)->pMethods->xSectorSize(real_file(file)); }
  static int characteristics(sqlite3_file* file) {
    return real_file(file)->pMethods->xDeviceCharacteristics(real_file(file));
  }

  void announce(const Contents& contents, Call call) const {
    if (owner_.before) owner_.before(contents.path, call);
  }

  std::mutex mutex;
  std::set<Contents*> files;
  std::atomic<Fault> fault = Fault::none;
  std::atomic<std::uint64_t> syncs = 0;

 private:
  // Version 1: no shared memory, so that WAL works in exclusive mode alone.
  static constexpr sqlite3_io_methods methods = {
      1,       close,      read,    write,       truncate,        sync,    size,    lock,
      unlock,  check_lock, control, sector_size, characteristics, nullptr, nullptr, nullptr,
      nullptr, nullptr,    nullptr};

  std::string name_;
  UnsyncedVfs& owner_;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_ = {};
};

UnsyncedVfs::UnsyncedVfs(const std::string& name) : disk_(std::make_unique<Disk>(*this, name)) {}

UnsyncedVfs::~UnsyncedVfs() = default;

void UnsyncedVfs::fail(Fault fault) {
  disk_->fault = fault;
}

std::uint64_t UnsyncedVfs::syncs() const {
  return disk_->syncs;
}

void UnsyncedVfs::leave(const std::string& folder, double survival, std::mt19937_64& random) {
  std::bernoulli_distribution survives(survival);
  const std::lock_guard lock(disk_->mutex);
  for (auto* file : disk_->files) {
    sqlite3_int64 synced = 0;
    file->real->pMethods->xFileSize(file->real, &synced);
    // A file that was made shorter may or may not be yet.
    const auto start = file->real_size < synced && survives(random) ? file->real_size : std::int64_t{synced};
    std::vector<char> image(static_cast<std::size_t>(start));
    if (start > 0) file->real->pMethods->xRead(file->real, image.data(), static_cast<int>(start), 0);
    for (const auto& [number, bytes] : file->written) {
      if (!survives(random)) continue;
      const auto offset = static_cast<std::size_t>(number * sector_bytes);
      const auto length = static_cast<std::size_t>(std::min(sector_bytes, file->size - number * sector_bytes));
      if (image.size() < offset + length) image.resize(offset + length);
      std::memcpy(image.data() + offset, bytes.data(), length);
    }
    std::ofstream out(std::filesystem::path(folder) / std::filesystem::path(file->path).filename(),
                      std::ios::binary);
    out.write(image.data(), static_cast<std::streamsize>(image.size()));
  }
}

}  // namespace lockkeeper::support
