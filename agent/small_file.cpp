#include "agent/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/config_error.h"

namespace lockkeeper::agent {

namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw ConfigError(path + " cannot be read: " + why);
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (number_ < 0) refuse(path, std::strerror(errno));
  }
  ~Descriptor() { close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

std::string read_small_file(const std::string& path) {
  const Descriptor file(path);
  std::string text;
  for (;;) {
    char bytes[16 * 1024];
    const ssize_t count = read(file.number(), bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse(path, std::strerror(errno));
    if (count == 0) return text;
    text.append(bytes, static_cast<std::size_t>(count));
    if (text.size() > kMostFileBytes) refuse(path, "longer than " + std::to_string(kMostFileBytes) + " bytes");
  }
}

bool is_file(const std::string& path) noexcept {
  struct stat state {};
  return stat(path.c_str(), &state) == 0 && !S_ISDIR(state.st_mode);
}

bool is_missing(const std::string& path) noexcept {
  struct stat state {};
  return stat(path.c_str(), &state) != 0 && errno == ENOENT;
}

FileStamp FileStamp::of(const std::string& path) noexcept {
  struct stat state {};
  if (stat(path.c_str(), &state) != 0) return {};
  return {state.st_dev, state.st_ino, state.st_size, state.st_mtim};
}

bool FileStamp::operator==(const FileStamp& other) const noexcept {
  return device == other.device && inode == other.inode && size == other.size &&
         written.tv_sec == other.written.tv_sec && written.tv_nsec == other.written.tv_nsec;
}

}  // namespace lockkeeper::agent
