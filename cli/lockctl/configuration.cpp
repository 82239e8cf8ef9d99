#include "cli/lockctl/configuration.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>

#include "cli/lockctl/exit.h"
#include "locks/duration.h"

namespace lockkeeper::cli::lockctl {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

// One thing that can be told, and where. A password is no flag: others can see a command line.
struct Setting {
  const char* name;  // in the file
  const char* flag;  // nullptr: none
  const char* variable;
};

constexpr std::array settings = {
    Setting{"server", "server", "LOCKCTL_SERVER"},    Setting{"user", nullptr, "LOCKCTL_USER"},
    Setting{"password", nullptr, "LOCKCTL_PASSWORD"}, Setting{"ca-cert", "ca-cert", "LOCKCTL_CA_CERT"},
    Setting{"holder", "as", "LOCKCTL_HOLDER"},        Setting{"key", "key", "LOCKCTL_KEY"},
    Setting{"timeout", "timeout", "LOCKCTL_TIMEOUT"}, Setting{"color", "color", "LOCKCTL_COLOR"},
};

constexpr const char* default_server = "http://127.0.0.1:3000";

[[noreturn]] void wrong(const std::string& sentence) {
  throw Failure(Exit::usage, sentence);
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

using Values = std::map<std::string, std::string>;

struct File {
  std::string path;
  Values values;
  bool seen_by_others = false;
};

// nullopt: it is not there, and need not be.
std::optional<File> read_file(const std::string& path, bool needed) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) {
    if (!needed && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
    wrong(path + ": " + std::strerror(errno) + ": name a file that can be read with --config FILE");
  }
  std::ifstream stream(path);
  if (!stream) wrong(path + ": " + std::strerror(errno) + ": name a file that can be read with --config FILE");
  File file{.path = path};
  // One's own is for oneself; of one that an administrator wrote, a group may be meant.
  file.seen_by_others =
      S_ISREG(status.st_mode) && (status.st_mode & (status.st_uid == geteuid() ? 077U : 07U)) != 0;
  std::string text;
  for (std::size_t number = 1; std::getline(stream, text); ++number) {
    text = trimmed(text);
    if (text.empty() || text[0] == '#') continue;
    const std::string where = path + ", line " + std::to_string(number) + ": ";
    const auto equals = text.find('=');
    if (equals == std::string::npos) wrong(where + "write NAME = VALUE");
    const std::string name = trimmed(text.substr(0, equals));
    const bool known =
        std::any_of(settings.begin(), settings.end(), [&](const Setting& one) { return one.name == name; });
    if (!known) {
      std::string names;
      for (const Setting& one : settings) names += (names.empty() ? "" : ", ") + std::string(one.name);
      wrong(where + "\"" + name + "\" is none of " + names);
    }
    file.values[name] = trimmed(text.substr(equals + 1));
  }
  if (stream.bad() || fs::is_directory(path)) wrong(path + " cannot be read: name a file with --config FILE");
  return file;
}

// The first there is: that of --config, of LOCKCTL_CONFIG, one's own, the machine's.
File find_file(const Line& line, const Environment& environment) {
  const std::string named = line.text("config", variable(environment, "LOCKCTL_CONFIG"));
  if (line.has("config") || !named.empty()) return *read_file(named, true);
  const std::string xdg = variable(environment, "XDG_CONFIG_HOME");
  const std::string home = variable(environment, "HOME");
  std::vector<std::string> places;
  if (!xdg.empty()) {
    places.push_back(xdg + "/lockctl.conf");
  } else if (!home.empty()) {
    places.push_back(home + "/.config/lockctl.conf");
  }
  places.emplace_back("/etc/lockctl.conf");
  for (const std::string& place : places) {
    if (auto file = read_file(place, false)) return std::move(*file);
  }
  return {};
}

std::string person(const Environment& environment) {
  const passwd* entry = getpwuid(getuid());
  std::string user = entry != nullptr ? entry->pw_name : variable(environment, "USER");
  if (user.empty()) user = "uid " + std::to_string(getuid());
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) return user;
  return user + "@" + host.data();
}

std::string pem_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file || text.empty()) wrong("--ca-cert: cannot read " + path + ": name a PEM file");
  return text;
}

std::string without_end_slashes(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

class Told {
 public:
  Told(const Line& line, const Environment& environment)
      : line_(line), environment_(environment), file_(find_file(line, environment)) {}

  std::string text(const std::string& name) const {
    const std::string other = from_flag_or_environment(name);
    if (!other.empty()) return other;
    const auto found = file_.values.find(name);
    return found == file_.values.end() ? "" : found->second;
  }

  std::string from_flag_or_environment(const std::string& name) const {
    const auto& setting =
        *std::find_if(settings.begin(), settings.end(), [&](const Setting& one) { return one.name == name; });
    if (setting.flag != nullptr && line_.has(setting.flag)) {
      if (line_.text(setting.flag).empty()) wrong(std::string("--") + setting.flag + " has no value");
      return line_.text(setting.flag);
    }
    return variable(environment_, setting.variable);
  }

  const File& file() const { return file_; }

 private:
  const Line& line_;
  const Environment& environment_;
  File file_;
};

// What stands in a file is meant for the server in that file, and is sent to no other.
void take_credentials(const Told& told, const std::string& server, Configuration& configuration) {
  if (http::without_userinfo(server) != server) return;  // meant for this server, too
  std::string user = told.from_flag_or_environment("user"), password = told.from_flag_or_environment("password");
  if (user.empty() && password.empty()) {
    const Values& file = told.file().values;
    const auto own = file.find("server");
    const std::string meant = own == file.end() ? default_server : own->second;
    if (without_end_slashes(http::without_userinfo(meant)) != without_end_slashes(server)) return;
    user = told.text("user");
    password = told.text("password");
  }
  if (user.empty() != password.empty()) {
    wrong(
        "user and password need each other: set LOCKCTL_USER and LOCKCTL_PASSWORD, or both in the configuration "
        "file");
  }
  configuration.api.http.username = user;
  configuration.api.http.password = password;
}

Configuration::Color color_of(const std::string& text) {
  if (text.empty() || text == "auto") return Configuration::Color::automatic;
  if (text == "always") return Configuration::Color::always;
  if (text == "never") return Configuration::Color::never;
  wrong("--color: \"" + text + "\" is none of auto, always, never");
}

}  // namespace

Configuration read_configuration(const Line& line, const Environment& environment) {
  const Told told(line, environment);
  const File& file = told.file();
  Configuration configuration;
  std::string server = told.text("server");
  if (server.empty()) server = default_server;
  http::require_base_url(server);
  if (line.has("server") && http::without_userinfo(server) != server) {
    wrong(
        "--server: no password belongs on a command line, where others see it: set LOCKCTL_USER and "
        "LOCKCTL_PASSWORD");
  }
  configuration.api.uri = server;
  take_credentials(told, server, configuration);
  const std::string ca_cert = told.text("ca-cert");
  if (!ca_cert.empty()) {
    const bool in_file = told.from_flag_or_environment("ca-cert").empty();
    configuration.api.http.ca_cert =
        pem_text(in_file ? fs::path(file.path).parent_path() / ca_cert : fs::path(ca_cert));
  }
  configuration.api.http.user_agent = "lockctl/" LOCKKEEPER_VERSION;
  const std::string timeout = told.text("timeout");
  if (!timeout.empty()) {
    const auto parsed = locks::parse_duration(timeout);
    if (const auto* fault = std::get_if<locks::DurationFault>(&parsed)) wrong("--timeout: " + fault->text);
    configuration.api.request_timeout = std::get<milliseconds>(parsed);
    if (configuration.api.request_timeout < milliseconds(1))
      wrong("--timeout: " + timeout + " is no time: give 1ms at least");
  }
  configuration.holder = told.text("holder");
  if (configuration.holder.empty()) configuration.holder = person(environment);
  configuration.key = told.text("key");
  configuration.color = color_of(told.text("color"));
  const auto url = file.values.find("server");
  const bool secret = file.values.contains("password") || file.values.contains("key") ||
                      (url != file.values.end() && http::without_userinfo(url->second) != url->second);
  if (secret && file.seen_by_others) {
    configuration.warnings.push_back(file.path + " has a secret, and others can read it: chmod 600 " + file.path);
  }
  return configuration;
}

}  // namespace lockkeeper::cli::lockctl
