// The rows that a query gave, in PostgreSQL's binary formats. What is read as another type than it is, or is cut
// short, throws BadResult.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

struct pg_result;

namespace lockkeeper::stores::postgresql {

class BadResult : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Views are into the result, for as long as it is there.
class Result {
 public:
  Result() = default;
  explicit Result(pg_result* own) : own_(own) {}

  int rows() const;
  bool null(int row, int column) const;
  std::string_view bytes(int row, int column) const;                    // bytea, text
  std::int64_t integer(int row, int column) const;                      // bigint
  bool flag(int row, int column) const;                                 // boolean
  std::vector<std::string_view> many_bytes(int row, int column) const;  // bytea[]; none for NULL
  std::vector<std::int64_t> many_integers(int row, int column) const;   // bigint[]; likewise

 private:
  struct Free {
    void operator()(pg_result* own) const;
  };
  std::unique_ptr<pg_result, Free> own_;
};

}  // namespace lockkeeper::stores::postgresql
