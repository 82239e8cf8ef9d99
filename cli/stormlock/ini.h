// A configuration file as Python's configparser reads it, which is what the original is configured with.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cli/stormlock/section.h"

namespace lockkeeper::cli::stormlock {

class IniFile {
 public:
  // `name`: for errors. Throws ConfigError with the line: no UTF-8, a setting outside of sections, a line that is
  // none, a section or key that is there twice.
  IniFile(std::string name, std::string_view text);

  // With what [DEFAULT] adds to it. nullopt: there is none of that name; letters' case matters.
  std::optional<Section> section(const std::string& name) const;
  const std::string& name() const { return name_; }

 private:
  using Settings = std::map<std::string, std::string>;

  std::string name_;
  std::map<std::string, Settings> sections_;
};

}  // namespace lockkeeper::cli::stormlock
