#include "stores/store_url.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <optional>
#include <utility>
#include <variant>

#include "engine/store_error.h"
#include "locks/duration.h"

namespace lockkeeper::stores {
namespace {

using engine::StoreError;

[[noreturn]] void wrong(const std::string& what) {
  throw StoreError("--store: " + what);
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `what` names the part, not its value.
std::string decoded(std::string_view text, const char* what) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
    if (high < 0 || low < 0) wrong(std::string(what) + " has a % that two hexadecimal digits do not follow");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string_view until(std::string_view& rest, char end) {
  const auto at = rest.find(end);
  const std::string_view part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return part;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

HostPort host_port(std::string_view text) {
  HostPort one;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) wrong("a host begins with [ and has no ]");
    one.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    has_port = !port.empty();
    if (has_port && !port.starts_with(':')) wrong("what follows a host's ] is no :PORT");
    if (has_port) port.remove_prefix(1);
  } else {
    const auto colon = text.rfind(':');
    has_port = colon != std::string_view::npos;
    one.host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
  }
  if (one.host.empty()) wrong("a host is missing");
  if (has_port) {
    const auto value = number<std::uint16_t>(port);
    if (!value || *value == 0) wrong("the port of " + one.host + " is none");
    one.port = *value;
  }
  return one;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) wrong("cannot read password_file " + path);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.pop_back();
  return line;
}

struct Parts {
  std::string_view scheme, account, hosts, path, query;
  bool has_account = false;
};

// The account ends at the last @ before the path: a password may hold one.
Parts parts(std::string_view text) {
  Parts parts;
  const auto scheme = text.find("://");
  parts.scheme = text.substr(0, scheme);
  std::string_view rest = text.substr(scheme + 3);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  const auto at = authority.rfind('@');
  parts.has_account = at != std::string_view::npos;
  if (parts.has_account) parts.account = authority.substr(0, at);
  parts.hosts = parts.has_account ? authority.substr(at + 1) : authority;
  parts.path = until(rest, '?');
  parts.query = rest;
  if (parts.path.starts_with('/')) parts.path.remove_prefix(1);
  return parts;
}

}  // namespace

bool is_store_url(std::string_view text) {
  const auto end = text.find("://");
  return end != std::string_view::npos && end > 0 &&
         std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end),
                     [](unsigned char c) { return std::islower(c) != 0; });
}

bool shows_password(std::string_view text) {
  return is_store_url(text) && (parts(text).account.find(':') != std::string_view::npos ||
                                text.find("password=") != std::string_view::npos);
}

StoreUrl parse_store_url(std::string_view text) {
  if (!is_store_url(text)) wrong("this is no SCHEME://HOST");
  const Parts all = parts(text);
  StoreUrl url;
  url.scheme = all.scheme;
  std::string_view account = all.account;
  url.user = decoded(until(account, ':'), "the user");
  url.password = decoded(account, "the password");
  for (std::string_view hosts = all.hosts; !hosts.empty();) url.hosts.push_back(host_port(until(hosts, ',')));
  if (url.hosts.empty()) wrong("no host follows " + url.scheme + "://");
  url.path = decoded(all.path, "the path");
  for (std::string_view query = all.query; !query.empty();) {
    std::string_view value = until(query, '&');
    const std::string name = decoded(until(value, '='), "an option");
    if (!url.options.try_emplace(name, decoded(value, "an option")).second)
      wrong("the option " + name + " is there twice");
  }
  if (const auto file = url.options.find("password_file"); file != url.options.end()) {
    url.password = first_line(file->second);
    url.options.erase(file);
  }
  return url;
}

std::string shown(const StoreUrl& url) {
  std::string text = url.scheme + "://";
  for (const HostPort& one : url.hosts) {
    if (&one != &url.hosts.front()) text += ',';
    text += one.host.find(':') == std::string::npos ? one.host : "[" + one.host + "]";
    if (one.port != 0) text += ":" + std::to_string(one.port);
  }
  return url.path.empty() ? text : text + "/" + url.path;
}

std::string StoreOptions::text(const std::string& name, std::string otherwise) {
  read_.insert(name);
  const auto at = url_.options.find(name);
  return at == url_.options.end() ? std::move(otherwise) : at->second;
}

bool StoreOptions::flag(const std::string& name, bool otherwise) {
  const std::string value = text(name, otherwise ? "true" : "false");
  if (value != "true" && value != "false") wrong("the option " + name + " is neither true nor false");
  return value == "true";
}

std::uint64_t StoreOptions::number(const std::string& name, std::uint64_t otherwise, std::uint64_t least,
                                   std::uint64_t most) {
  const auto value = stores::number<std::uint64_t>(text(name, std::to_string(otherwise)));
  if (!value || *value < least || *value > most) {
    wrong("the option " + name + " is no number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return *value;
}

std::chrono::milliseconds StoreOptions::duration(const std::string& name, std::chrono::milliseconds otherwise,
                                                 std::chrono::milliseconds least) {
  if (!has(name)) {
    read_.insert(name);
    return otherwise;
  }
  const auto read = locks::parse_duration(text(name, ""));
  const auto* value = std::get_if<std::chrono::milliseconds>(&read);
  if (value == nullptr || *value < least) {
    wrong("the option " + name + " is no duration of at least " + locks::exact_duration(least));
  }
  return *value;
}

void StoreOptions::finish() const {
  for (const auto& [name, value] : url_.options) {
    if (!read_.contains(name)) wrong(url_.scheme + " has no option " + name);
  }
}

}  // namespace lockkeeper::stores
