// Files that hold little: kubeconfigs, tokens, certificates. Some of them are replaced while the agent runs.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <ctime>
#include <string>

namespace lockkeeper::agent {

constexpr std::size_t kMostFileBytes = 1024 * 1024;

// Throws ConfigError: "PATH cannot be read: No such file or directory".
std::string read_small_file(const std::string& path);

bool is_file(const std::string& path) noexcept;  // and not a folder; symbolic links are followed
bool is_missing(const std::string& path) noexcept;

// Tells one state of a file from another: what a symbolic link leads to, its size, when it was written.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = -1;  // not there
  timespec written{};

  static FileStamp of(const std::string& path) noexcept;
  bool operator==(const FileStamp& other) const noexcept;
};

}  // namespace lockkeeper::agent
