// A stream on a file descriptor, without <iostream>'s own and their start-up.
#pragma once

#include <array>
#include <streambuf>

namespace lockkeeper::resource {

// Writes are buffered until flushed; a write that fails makes the stream bad. Does not own the descriptor.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor);

 protected:
  int_type underflow() override;
  int_type overflow(int_type one) override;
  int sync() override;

 private:
  int descriptor_;
  std::array<char, 4096> buffer_;
};

}  // namespace lockkeeper::resource
