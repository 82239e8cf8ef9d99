#include "resource/answer.h"

#include <algorithm>
#include <ostream>

#include "locks/duration.h"
#include "resource/ends.h"
#include "resource/sha256.h"
#include "wire/time_text.h"

namespace lockkeeper::resource {
namespace {

void append(const Pairs& pairs, std::string& out) {
  out += '{';
  for (const auto& [name, value] : pairs) {
    if (out.back() != '{') out += ',';
    wire::write_text(name, out);
    out += ':';
    wire::write_text(value, out);
  }
  out += '}';
}

void write(std::ostream& output, const std::string& text) {
  output << text << '\n' << std::flush;
  if (!output) throw StepFailed("stdout does not take the answer");
}

}  // namespace

void write_answer(std::ostream& output, const Pairs& version, const Pairs& metadata) {
  std::string text = "{\"version\":";
  append(version, text);
  text += ",\"metadata\":[";
  for (const auto& [name, value] : metadata) {
    if (value.empty()) continue;
    if (text.back() != '[') text += ',';
    append({{"name", name}, {"value", value}}, text);
  }
  write(output, text + "]}");
}

void write_versions(std::ostream& output, const std::vector<Pairs>& versions) {
  std::string text = "[";
  for (const Pairs& version : versions) {
    if (text.size() > 1) text += ',';
    append(version, text);
  }
  write(output, text + "]");
}

Pairs metadata(const LockState& state) {
  std::string holders;
  std::uint64_t count = 0;
  for (const wire::HoldView& hold : state.holders) {
    holders += (holders.empty() ? "" : ", ") + hold.holder;
    if (hold.count > 1) holders += " (" + std::to_string(hold.count) + ")";
    count += hold.count;
  }
  const bool dated = !state.holders.empty() && state.holders.front().since != locks::WallTime{};
  return {{"lock", state.lock},
          {"state", state.holders.empty() ? "free" : "held"},
          {"holders", holders},
          {"count", std::to_string(count)},
          {"since", dated ? wire::time_text(state.holders.front().since) : ""},
          {"ttl", state.ttl ? locks::exact_duration(*state.ttl) : ""},
          {"waited", state.waited},
          {"server", state.server}};
}

Pairs version_pairs(const Source& source, const std::string& lock, const std::string& revision) {
  if (source.versions == Versions::stable) return {{"lock", lock}};
  return {{"revision", revision}};
}

std::string digest(const std::string& lock, const std::vector<wire::HoldView>& holders) {
  std::vector<std::string> lines;
  for (const wire::HoldView& hold : holders) {
    if (hold.count > 0) lines.push_back(std::to_string(hold.count) + " " + hold.holder);
  }
  std::sort(lines.begin(), lines.end());
  std::string all = lock;
  for (const std::string& line : lines) all += '\n' + line;
  return "sha256:" + sha256(all);
}

}  // namespace lockkeeper::resource
