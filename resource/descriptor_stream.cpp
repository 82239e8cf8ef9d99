#include "resource/descriptor_stream.h"

#include <unistd.h>

#include <cerrno>

namespace lockkeeper::resource {

DescriptorBuffer::DescriptorBuffer(int descriptor) : descriptor_(descriptor) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

// A signal ends the reading: a step that is ended while its payload still comes has nothing to do any more.
DescriptorBuffer::int_type DescriptorBuffer::underflow() {
  const ssize_t got = read(descriptor_, buffer_.data(), buffer_.size());
  if (got <= 0) return traits_type::eof();
  setg(buffer_.data(), buffer_.data(), buffer_.data() + got);
  return traits_type::to_int_type(*gptr());
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type one) {
  if (sync() != 0) return traits_type::eof();
  if (!traits_type::eq_int_type(one, traits_type::eof())) sputc(traits_type::to_char_type(one));
  return traits_type::not_eof(one);
}

int DescriptorBuffer::sync() {
  const char* next = pbase();
  while (next != pptr()) {
    const ssize_t sent = write(descriptor_, next, static_cast<std::size_t>(pptr() - next));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return -1;
    next += sent;
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return 0;
}

}  // namespace lockkeeper::resource
