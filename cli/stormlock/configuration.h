// Which configuration file counts, and what it says of one lock.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "cli/stormlock/ini.h"

namespace lockkeeper::cli::stormlock {

using Environment = std::map<std::string, std::string>;

class Configuration {
 public:
  // `option`: of -c, empty when it was not given; then $STORMLOCK_CONFIG, then the first regular file of
  // ./.stormlock.cfg, $XDG_CONFIG_HOME/stormlock.cfg and ~/.stormlock.cfg. Throws ConfigError.
  static Configuration find(const std::string& option, const Environment& environment);

  explicit Configuration(IniFile file) : file_(std::move(file)) {}

  // Each is looked up in the section called as the resource, then in [default]; empty is as good as missing. They
  // throw ConfigError.
  std::string backend(const std::string& resource) const;
  std::chrono::seconds ttl(const std::string& resource) const;
  void require_ttl(const std::string& resource) const;  // it is there, whatever it says
  // Of old the intended default was login@hostname.
  std::string principal(const std::string& resource, const Environment& environment) const;

  // [backend.NAME]; an empty one where the file has none.
  Section backend_section(const std::string& name) const;

 private:
  struct Setting {
    std::string value;
    std::string called;  // the section, for errors
  };
  Setting setting(const std::string& resource, const std::string& key) const;  // value empty: none
  Setting required(const std::string& resource, const std::string& key, const std::string& example) const;

  IniFile file_;
};

}  // namespace lockkeeper::cli::stormlock
