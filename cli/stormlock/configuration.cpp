#include "cli/stormlock/configuration.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <variant>

#include "cli/stormlock/ttl.h"

namespace lockkeeper::cli::stormlock {
namespace {

std::string variable(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

std::string content(const std::string& path) {
  const auto failed = [&] { return ConfigError("cannot read " + path + ": " + std::strerror(errno)); };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw failed();
  std::string text;
  std::array<char, 16384> part{};
  ssize_t size = 0;
  do {
    size = read(file, part.data(), part.size());
    if (size > 0) text.append(part.data(), static_cast<std::size_t>(size));
  } while (size > 0 || (size < 0 && errno == EINTR));
  const int error = errno;
  close(file);
  errno = error;
  if (size < 0) throw failed();
  return text;
}

bool is_regular_file(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

const passwd* account() {
  return getpwuid(geteuid());  // nothing else in this process asks for one
}

std::string home(const Environment& environment) {
  const std::string given = variable(environment, "HOME");
  if (!given.empty()) return given;
  const passwd* const entry = account();
  return entry == nullptr ? std::string("/") : entry->pw_dir;
}

std::string login(const Environment& environment) {
  for (const char* name : {"LOGNAME", "USER", "LNAME", "USERNAME"}) {
    std::string given = variable(environment, name);
    if (!given.empty()) return given;
  }
  const passwd* const entry = account();
  return entry == nullptr ? std::to_string(geteuid()) : entry->pw_name;
}

std::string found_path(const Environment& environment) {
  const std::string at_home = home(environment);
  std::string xdg = variable(environment, "XDG_CONFIG_HOME");
  if (xdg.empty()) xdg = at_home + "/.config";
  const std::array places = {std::string("./.stormlock.cfg"), xdg + "/stormlock.cfg", at_home + "/.stormlock.cfg"};
  for (const auto& place : places) {
    if (is_regular_file(place)) return place;
  }
  throw ConfigError("there is no configuration: write " + places[0] + ", " + places[1] + " or " + places[2] +
                    ", or name one with -c FILE or in STORMLOCK_CONFIG");
}

}  // namespace

Configuration Configuration::find(const std::string& option, const Environment& environment) {
  std::string path = option.empty() ? variable(environment, "STORMLOCK_CONFIG") : option;
  if (path.empty()) path = found_path(environment);
  const std::string text = content(path);
  return Configuration(IniFile(path, text));
}

Configuration::Setting Configuration::setting(const std::string& resource, const std::string& key) const {
  for (const std::string& name : {resource, std::string("default")}) {
    const auto section = file_.section(name);
    if (!section) continue;
    std::string value = section->get(key, "");
    if (!value.empty()) return {std::move(value), section->called()};
  }
  return {};
}

Configuration::Setting Configuration::required(const std::string& resource, const std::string& key,
                                               const std::string& example) const {
  Setting found = setting(resource, key);
  if (found.value.empty()) {
    throw ConfigError(file_.name() + " has no " + key + " for " + resource + ": write " + key + " = " + example +
                      " under [default] or [" + resource + "]");
  }
  return found;
}

std::string Configuration::backend(const std::string& resource) const {
  return required(resource, "backend", "redis").value;
}

void Configuration::require_ttl(const std::string& resource) const {
  for (const std::string& name : {resource, std::string("default")}) {
    const auto section = file_.section(name);
    if (section && section->has("ttl")) return;
  }
  required(resource, "ttl", "1 day");
}

std::chrono::seconds Configuration::ttl(const std::string& resource) const {
  const Setting found = required(resource, "ttl", "1 day");
  const auto parsed = parse_ttl(found.value);
  if (const auto* fault = std::get_if<TtlFault>(&parsed)) throw ConfigError(found.called + ": ttl: " + fault->text);
  return std::get<std::chrono::seconds>(parsed);
}

std::string Configuration::principal(const std::string& resource, const Environment& environment) const {
  Setting found = setting(resource, "principal");
  if (!found.value.empty()) return std::move(found.value);
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return login(environment) + '@' + host.data();
}

Section Configuration::backend_section(const std::string& name) const {
  const std::string called = "backend." + name;
  auto section = file_.section(called);
  if (section) return *std::move(section);
  return Section(file_.name() + ": [" + called + "]", {});
}

}  // namespace lockkeeper::cli::stormlock
