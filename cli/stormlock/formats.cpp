#include "cli/stormlock/formats.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "cli/stormlock/utf8.h"

namespace lockkeeper::cli::stormlock {
namespace {

std::string local_time(std::chrono::sys_time<std::chrono::microseconds> moment) {
  const auto second = std::chrono::floor<std::chrono::seconds>(moment);
  const auto rest = std::chrono::floor<std::chrono::milliseconds>(moment - second);
  const std::time_t time = std::chrono::system_clock::to_time_t(second);
  std::tm parts{};
  localtime_r(&time, &parts);
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03d",
                                 parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                                 parts.tm_sec, static_cast<int>(rest.count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string created_text(const Created& created) {
  const auto* text = std::get_if<std::string>(&created);
  return text != nullptr ? *text : local_time(std::get<0>(created));
}

// Python's, to the byte (ASCII, lower-case escapes), which RapidJSON does not write.
std::string quoted(std::string_view text) {
  const auto escape = [](char32_t unit) {
    std::array<char, 16> hex{};
    std::snprintf(hex.data(), hex.size(), "\\u%04x", static_cast<unsigned>(unit));
    return std::string(hex.data());
  };
  constexpr std::string_view plain = "\"\\\n\r\t\b\f";
  constexpr std::string_view letter = "\"\\nrtbf";
  std::string out = "\"";
  while (!text.empty()) {
    const char32_t point = take_code_point(text).value_or(U'\ufffd');
    const std::size_t known = point < 0x80 ? plain.find(static_cast<char>(point)) : std::string_view::npos;
    if (known != std::string_view::npos) {
      out += {'\\', letter[known]};
    } else if (point >= ' ' && point <= '~') {
      out += static_cast<char>(point);
    } else if (point < 0x10000) {
      out += escape(point);
    } else {
      out += escape(0xd800 + ((point - 0x10000) >> 10)) + escape(0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
  return out + '"';
}

std::string columns(const std::array<std::string_view, 3>& values) {
  constexpr std::array<std::string_view, 3> headers = {"PRINCIPAL", "CREATED", "ID"};
  std::size_t width = 0;
  for (const auto value : values) width = std::max(width, code_points(value));
  for (const auto header : headers) width = std::max(width, header.size());
  std::string out;
  for (const auto* row : {&headers, &values}) {
    for (const auto cell : *row) out += std::string(cell).append(width + 4 - code_points(cell), ' ');
    out += '\n';
  }
  return out;
}

}  // namespace

std::optional<Format> parse_format(std::string_view name) {
  const auto* const found = std::find(format_names.begin(), format_names.end(), name);
  if (found == format_names.end()) return std::nullopt;
  return static_cast<Format>(found - format_names.begin());
}

std::string shown(const Lease& lease, Format format) {
  const std::string created = created_text(lease.created);
  const std::string &id = lease.id, &principal = lease.principal;
  switch (format) {
    case Format::id:
      return id + '\n';
    case Format::json:
      return "{\"id\": " + quoted(id) + ", \"created\": " + quoted(created) +
             ", \"principal\": " + quoted(principal) + '}';
    case Format::lines:
      return principal + '\n' + created + '\n' + id + '\n';
    case Format::oneline:
      return principal + '\t' + created + '\t' + id + '\n';
    case Format::cols:
      return columns({principal, created, id});
    case Format::rows:
      break;
  }
  return "Principal: " + principal + "\nCreated: " + created + "\nId: " + id + '\n';
}

}  // namespace lockkeeper::cli::stormlock
