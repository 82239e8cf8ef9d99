// Bytes in, replies out: hiredis' parser.
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>

#include "stores/redis/reply.h"

namespace lockkeeper::stores::redis {

// What came is not Redis' protocol.
class ProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Reader {
 public:
  Reader();
  ~Reader();

  void feed(const char* bytes, std::size_t number);
  // The next whole reply; nullptr: more bytes are needed. Valid until the next call.
  Reply* next();

  struct Inside;

 private:
  std::unique_ptr<Inside> inside_;
};

}  // namespace lockkeeper::stores::redis
