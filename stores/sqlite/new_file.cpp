#include "stores/sqlite/new_file.h"

#include <fcntl.h>
#include <stdio.h>  // renameat2
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "engine/store_error.h"

namespace lockkeeper::stores::sqlite {

namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw engine::StoreError("cannot make " + path + ": " + why);
}

// 0, or errno.
int rename_without_replacing(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // Not every file system can. A link does not replace anything either.
  if (link(from.c_str(), to.c_str()) != 0) return errno;
  unlink(from.c_str());
  return 0;
}

}  // namespace

NewFile::NewFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".new") {
  while (!take()) ::close(file_);
  // SQLite would roll the new file back with an old one's journal.
  for (const char* beside : {"-journal", "-wal"}) unlink((temporary_ + beside).c_str());
  if (ftruncate(file_, 0) == 0) return;
  const int fault = errno;
  ::close(file_);
  refuse(path_, std::strerror(fault));
}

// False: the process that had the file has just renamed or removed it.
bool NewFile::take() {
  file_ = ::open(temporary_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file_ < 0) refuse(path_, std::strerror(errno));
  // flock(2), which ends with the process and is apart from the locks that SQLite takes.
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int fault = errno;
    ::close(file_);
    refuse(path_, fault == EWOULDBLOCK ? "another server is making it at this moment" : std::strerror(fault));
  }
  struct stat own = {};
  struct stat there = {};
  return fstat(file_, &own) == 0 && stat(temporary_.c_str(), &there) == 0 && own.st_ino == there.st_ino;
}

NewFile::~NewFile() {
  if (!in_place_) {
    for (const char* beside : {"-journal", "-wal", ""}) unlink((temporary_ + beside).c_str());
  }
  ::close(file_);
}

bool NewFile::put_in_place() {
  const int fault = rename_without_replacing(temporary_, path_);
  if (fault == EEXIST) return false;
  if (fault != 0) refuse(path_, std::strerror(fault));
  in_place_ = true;
  sync_folder_of(path_);
  return true;
}

void sync_folder_of(const std::string& path) {
  auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) refuse(path, std::strerror(errno));
  const int result = ::fsync(file);
  const int fault = errno;
  ::close(file);
  if (result != 0) refuse(path, std::strerror(fault));
}

}  // namespace lockkeeper::stores::sqlite
