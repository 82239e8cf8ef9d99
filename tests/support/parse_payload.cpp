// The resource's own parser as a program: parse_payload check|in|out reads a payload from stdin and says "ok", or
// what a step with it would say. For the test that holds the example pipelines against it.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "resource/payload.h"

int main(int argc, char** argv) {
  using namespace lockkeeper::resource;
  const std::string verb = argc == 2 ? argv[1] : "";
  const std::string payload{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  try {
    if (verb == "check") {
      parse_check(payload);
    } else if (verb == "in") {
      parse_in(payload);
    } else if (verb == "out") {
      parse_out(payload);
    } else {
      std::puts("usage: parse_payload check|in|out");
      return 2;
    }
  } catch (const PayloadError& error) {
    std::puts(error.what());
    return 1;
  }
  std::puts("ok");
  return 0;
}
