// Finds the row of a door's route table that a request means: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lockkeeper::server {

// `pattern` is "/lock/{}/history": {} stands for one segment that is not empty. Methods are case-sensitive; a row
// for GET takes HEAD too (RFC 9110, 9.3.2).
struct Route {
  std::string_view method;
  std::string_view pattern;
  int action;         // the door's own number
  bool open = false;  // needs no credentials
};

struct Match {
  const Route* route = nullptr;
  std::string_view segment;  // what {} stood for, still percent-encoded
  std::string allow;         // not empty: the path is known, the method is not: these are
};

Match match(std::span<const Route> routes, std::string_view method, std::string_view path);

}  // namespace lockkeeper::server
