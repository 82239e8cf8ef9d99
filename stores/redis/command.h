// One command's words, and how they go over the wire: hiredis' formatter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper::stores::redis {

class Command {
 public:
  Command() = default;
  Command(std::initializer_list<std::string_view> words);

  Command& add(std::string_view word);  // copied
  Command& add(std::uint64_t number);
  Command& add(const Command& words);
  std::size_t words() const { return ends_.size(); }
  std::size_t bytes() const { return bytes_.size(); }

  void append_to(std::string& out) const;

 private:
  std::string bytes_;  // of all words, one after the other
  std::vector<std::size_t> ends_;
};

}  // namespace lockkeeper::stores::redis
