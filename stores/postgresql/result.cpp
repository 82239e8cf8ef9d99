#include "stores/postgresql/result.h"

#include <libpq-fe.h>

namespace lockkeeper::stores::postgresql {
namespace {

std::uint64_t number(std::string_view& from, std::size_t bytes) {
  if (from.size() < bytes) throw BadResult("an answer of PostgreSQL is cut short");
  std::uint64_t value = 0;
  for (const char c : from.substr(0, bytes)) value = value << 8 | static_cast<unsigned char>(c);
  from.remove_prefix(bytes);
  return value;
}

std::vector<std::string_view> elements(std::string_view from) {
  std::vector<std::string_view> all;
  const auto dimensions = number(from, 4);
  number(from, 4);
  number(from, 4);
  if (dimensions == 0) return all;
  const auto length = number(from, 4);
  number(from, 4);
  for (std::uint64_t i = 0; i < length; ++i) {
    const auto size = number(from, 4);
    if (size > from.size()) throw BadResult("an answer of PostgreSQL is cut short");
    all.push_back(from.substr(0, size));
    from.remove_prefix(size);
  }
  return all;
}

std::int64_t integer_in(std::string_view text) {
  if (text.size() != 8) throw BadResult("an answer of PostgreSQL is no bigint");
  return static_cast<std::int64_t>(number(text, 8));
}

}  // namespace

void Result::Free::operator()(pg_result* own) const {
  PQclear(own);
}

int Result::rows() const {
  return own_ ? PQntuples(own_.get()) : 0;
}

bool Result::null(int row, int column) const {
  return PQgetisnull(own_.get(), row, column) != 0;
}

std::string_view Result::bytes(int row, int column) const {
  if (row >= rows() || column >= PQnfields(own_.get()))
    throw BadResult("PostgreSQL answered less than it was asked");
  return {PQgetvalue(own_.get(), row, column), static_cast<std::size_t>(PQgetlength(own_.get(), row, column))};
}

std::int64_t Result::integer(int row, int column) const {
  return integer_in(bytes(row, column));
}

bool Result::flag(int row, int column) const {
  const auto value = bytes(row, column);
  return value.size() == 1 && value.front() != 0;
}

std::vector<std::string_view> Result::many_bytes(int row, int column) const {
  const auto value = bytes(row, column);
  return null(row, column) ? std::vector<std::string_view>() : elements(value);
}

std::vector<std::int64_t> Result::many_integers(int row, int column) const {
  std::vector<std::int64_t> all;
  for (const auto each : many_bytes(row, column)) all.push_back(integer_in(each));
  return all;
}

}  // namespace lockkeeper::stores::postgresql
