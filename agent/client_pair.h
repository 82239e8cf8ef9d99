// A client certificate and its key, from files that may be replaced or from data.
#pragma once

#include <cstdint>
#include <string>

#include "agent/small_file.h"
#include "agent/surroundings.h"
#include "agent/user_settings.h"

namespace lockkeeper::agent {

// Not thread-safe.
class ClientPair {
 public:
  // Reads it. Throws ConfigError when a file cannot be read or the two are no pair.
  ClientPair(const UserSettings& user, const Surroundings& surroundings);

  // Looks whether a file has changed. While the new ones are no pair (yet), the former stays.
  void refresh();

  bool from_files() const { return !certificate_file_.empty() || !key_file_.empty(); }
  const std::string& certificate() const { return certificate_; }
  const std::string& key() const { return key_; }
  std::uint64_t number() const { return number_; }  // from 1; another for another pair

 private:
  void read();

  std::string source_, certificate_file_, key_file_;
  std::string certificate_, key_;
  const Surroundings& surroundings_;
  FileStamp certificate_stamp_, key_stamp_;
  std::uint64_t number_ = 0;
};

}  // namespace lockkeeper::agent
