// A --store URL of a store that is reached over a network, taken apart:
//
//   SCHEME://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...][/PATH][?NAME=VALUE[&NAME=VALUE...]]
//
// USER, PASSWORD, PATH and values may hold %XX. IPv6 hosts stand in brackets. `password_file=FILE` gives the
// password in the first line of a file instead. What is wrong is thrown as StoreError; no message ever holds the
// password, nor the value of an option that says nothing to whoever reads it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper::stores {

struct HostPort {
  std::string host;        // without brackets
  std::uint16_t port = 0;  // 0: the store's own default

  bool operator==(const HostPort&) const = default;
};

struct StoreUrl {
  std::string scheme;
  std::string user;
  std::string password;  // secret
  std::vector<HostPort> hosts;
  std::string path;                            // without the slash before it; "": none
  std::map<std::string, std::string> options;  // without password_file
};

// Whether it looks like one at all ("://" after letters).
bool is_store_url(std::string_view text);
StoreUrl parse_store_url(std::string_view text);
// Whether a password stands in it, for all to see who list processes.
bool shows_password(std::string_view text);

// For logs: scheme, hosts and path.
std::string shown(const StoreUrl& url);

// Reads the options, each by its name, and refuses what is left: a word that nobody knows is a mistake.
class StoreOptions {
 public:
  explicit StoreOptions(const StoreUrl& url) : url_(url) {}

  std::string text(const std::string& name, std::string otherwise);
  bool flag(const std::string& name, bool otherwise);  // true, false
  std::uint64_t number(const std::string& name, std::uint64_t otherwise, std::uint64_t least, std::uint64_t most);
  std::chrono::milliseconds duration(const std::string& name, std::chrono::milliseconds otherwise,
                                     std::chrono::milliseconds least);  // "500ms", "3s"
  bool has(const std::string& name) const { return url_.options.contains(name); }

  void finish() const;  // throws StoreError for an option that was not read

 private:
  const StoreUrl& url_;
  std::set<std::string> read_;
};

}  // namespace lockkeeper::stores
