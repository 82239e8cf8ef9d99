#include "stores/postgresql/parameters.h"

#include <utility>

namespace lockkeeper::stores::postgresql {
namespace {

// Of pg_type, the same in every database.
constexpr std::uint32_t bytea = 17, int8 = 20, text_type = 25;
constexpr std::uint32_t bytea_array = 1001, int8_array = 1016;

void put32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

void put64(std::string& out, std::uint64_t value) {
  put32(out, static_cast<std::uint32_t>(value >> 32));
  put32(out, static_cast<std::uint32_t>(value));
}

// array_recv(): dimensions, whether there are nulls, the elements' type; of each dimension length and first index.
std::string array(std::uint32_t type, std::int32_t number, const std::string& elements) {
  std::string out;
  out.reserve(20 + elements.size());
  put32(out, number == 0 ? 0 : 1);
  put32(out, 0);
  put32(out, type);
  if (number == 0) return out;
  put32(out, static_cast<std::uint32_t>(number));
  put32(out, 1);
  return out += elements;
}

}  // namespace

void Bytes::add(std::string_view value) {
  put32(data_, static_cast<std::uint32_t>(value.size()));
  data_ += value;
  ++number_;
}

void Integers::add(std::uint64_t value) {
  put32(data_, 8);
  put64(data_, value);
  ++number_;
}

Parameters& Parameters::bytes(std::string_view value) {
  all_.push_back({bytea, std::string(value)});
  return *this;
}

Parameters& Parameters::text(std::string_view value) {
  all_.push_back({text_type, std::string(value)});
  return *this;
}

Parameters& Parameters::integer(std::uint64_t value) {
  std::string out;
  put64(out, value);
  all_.push_back({int8, std::move(out)});
  return *this;
}

Parameters& Parameters::add(const Bytes& array_of) {
  all_.push_back({bytea_array, array(bytea, array_of.number_, array_of.data_)});
  return *this;
}

Parameters& Parameters::add(const Integers& array_of) {
  all_.push_back({int8_array, array(int8, array_of.number_, array_of.data_)});
  return *this;
}

}  // namespace lockkeeper::stores::postgresql
