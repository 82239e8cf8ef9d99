// The arguments of a query, in PostgreSQL's binary formats: nothing to quote, nothing to parse.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper::stores::postgresql {

// A one-dimensional array that grows at its end.
class Bytes {  // bytea[]
 public:
  void add(std::string_view value);

 private:
  friend class Parameters;
  std::string data_;
  std::int32_t number_ = 0;
};

class Integers {  // bigint[]
 public:
  void add(std::uint64_t value);
  void add(std::int64_t value) { add(static_cast<std::uint64_t>(value)); }

 private:
  friend class Parameters;
  std::string data_;
  std::int32_t number_ = 0;
};

// $1, $2 ... in the order in which they are added.
class Parameters {
 public:
  Parameters& bytes(std::string_view value);
  Parameters& text(std::string_view value);
  Parameters& integer(std::uint64_t value);
  Parameters& integer(std::int64_t value) { return integer(static_cast<std::uint64_t>(value)); }
  Parameters& add(const Bytes& array);
  Parameters& add(const Integers& array);

 private:
  friend class Connection;
  struct One {
    std::uint32_t type;  // its OID
    std::string value;
  };
  std::vector<One> all_;
};

}  // namespace lockkeeper::stores::postgresql
