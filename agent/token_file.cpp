#include "agent/token_file.h"

#include <algorithm>

#include "agent/config_error.h"
#include "agent/small_file.h"

namespace lockkeeper::agent {

namespace {

constexpr std::chrono::minutes between_reads(1);

}  // namespace

std::string trimmed_token(const std::string& text, const std::string& where) {
  const char* const space = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(space);
  if (begin == std::string::npos) throw ConfigError(where + " is empty");
  std::string token = text.substr(begin, text.find_last_not_of(space) - begin + 1);
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7F; })) {
    throw ConfigError(where + " holds characters that are in no token");
  }
  return token;
}

TokenFile::TokenFile(std::string path, std::string otherwise, const Surroundings& surroundings)
    : path_(std::move(path)), token_(std::move(otherwise)), surroundings_(surroundings) {
  read();
}

const std::string& TokenFile::token() {
  if (surroundings_.now() >= due_) read();
  return token_;
}

void TokenFile::read() {
  due_ = surroundings_.now() + between_reads;
  try {
    token_ = trimmed_token(read_small_file(path_), path_);
    if (failing_) surroundings_.log(path_ + " holds a token again");
    failing_ = false;
  } catch (const ConfigError& error) {
    if (token_.empty()) throw;
    if (!failing_) surroundings_.log(std::string(error.what()) + "; the token from before is used on");
    failing_ = true;
  }
}

}  // namespace lockkeeper::agent
