// A section of a configuration file, as what reads its settings sees it.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace lockkeeper::cli::stormlock {

// One sentence that names file, section and key, and shows no value.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Section {
 public:
  // An empty one: all defaults. `called`: the file and "[backend.redis]", for errors. Keys are in lower case,
  // values raw: `%%` and `%(key)s` are resolved when a value is asked for, so that a bad value that nobody reads
  // does no harm.
  Section(std::string called, std::map<std::string, std::string> raw);

  // nullopt: not there. Throws ConfigError for a % that means nothing.
  std::optional<std::string> get(const std::string& key) const;
  std::string get(const std::string& key, const std::string& otherwise) const;
  // Throws ConfigError unless it is a decimal integer.
  std::optional<long long> number(const std::string& key) const;
  bool has(const std::string& key) const;  // and it is not empty
  std::vector<std::string> keys() const;
  const std::string& called() const { return called_; }

 private:
  std::string called_;
  std::map<std::string, std::string> raw_;
};

}  // namespace lockkeeper::cli::stormlock
