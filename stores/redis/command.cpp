#include "stores/redis/command.h"

#include <hiredis/hiredis.h>

#include <charconv>
#include <cstdlib>
#include <new>

namespace lockkeeper::stores::redis {

Command::Command(std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) add(word);
}

Command& Command::add(std::string_view word) {
  bytes_.append(word);
  ends_.push_back(bytes_.size());
  return *this;
}

Command& Command::add(std::uint64_t number) {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return add(std::string_view(text, static_cast<std::size_t>(end - text)));
}

Command& Command::add(const Command& words) {
  const std::size_t before = bytes_.size();
  bytes_.append(words.bytes_);
  for (const std::size_t end : words.ends_) ends_.push_back(before + end);
  return *this;
}

void Command::append_to(std::string& out) const {
  std::vector<const char*> words(ends_.size());
  std::vector<std::size_t> sizes(ends_.size());
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ends_.size(); begin = ends_[i++]) {
    words[i] = bytes_.data() + begin;
    sizes[i] = ends_[i] - begin;
  }
  char* text = nullptr;
  const int size = redisFormatCommandArgv(&text, static_cast<int>(words.size()), words.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  out.append(text, static_cast<std::size_t>(size));
  std::free(text);
}

}  // namespace lockkeeper::stores::redis
