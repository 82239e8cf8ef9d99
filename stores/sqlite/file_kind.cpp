#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "stores/sqlite/sqlite_store.h"

namespace lockkeeper::stores {

// Not while a store has the file open in this process: closing any descriptor of a file drops the POSIX locks
// that SQLite holds on it (fcntl(2)).
FileKind file_kind(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return errno == ENOENT ? FileKind::absent : FileKind::other;
  if (!S_ISREG(status.st_mode)) return FileKind::other;
  if (status.st_size == 0) return FileKind::empty;

  std::array<char, 4096> buffer{};
  std::ifstream file(path, std::ios::binary);
  file.read(buffer.data(), buffer.size());
  const std::string_view start(buffer.data(), static_cast<std::size_t>(file.gcount()));
  constexpr std::string_view magic("SQLite format 3\0", 16);  // https://sqlite.org/fileformat.html, 1.3.1
  if (start.substr(0, magic.size()) == magic) return FileKind::sqlite;
  const auto first = start.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && start[first] == '{') return FileKind::json;
  return FileKind::other;
}

}  // namespace lockkeeper::stores
