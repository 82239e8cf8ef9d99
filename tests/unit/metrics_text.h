// A strict reader of Prometheus's text format (version 0.0.4), so that tests see a page as its scraper does.
#pragma once

#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockkeeper {

using LabelSet = std::map<std::string, std::string>;

struct ReadFamily {
  std::string help;
  std::string type;
  std::map<std::pair<std::string, LabelSet>, double> samples;  // by the sample's own name and labels
};

class MetricsText {
 public:
  // Throws std::runtime_error about what a strict scraper would refuse, or Prometheus's conventions forbid.
  explicit MetricsText(std::string_view text) {
    if (!text.empty() && text.back() != '\n') fail("the last line does not end");
    while (!text.empty()) {
      const auto end = text.find('\n');
      line(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
    for (const auto& [name, family] : families_) check(name, family);
  }

  const std::map<std::string, ReadFamily>& families() const { return families_; }

  const ReadFamily& family(const std::string& name) const {
    const auto at = families_.find(name);
    if (at == families_.end()) fail("no family " + name);
    return at->second;
  }

  // The value of one sample: "x_bucket" {{"le", "1"}}.
  double value(const std::string& name, const LabelSet& labels = {}) const {
    for (const auto& [family_name, family] : families_) {
      const auto at = family.samples.find({name, labels});
      if (at != family.samples.end()) return at->second;
    }
    fail("no sample of " + name + " " + testing::PrintToString(labels));
  }

 private:
  [[noreturn]] static void fail(const std::string& why) { throw std::runtime_error(why); }

  static std::string taken_name(std::string_view& rest, bool colons) {
    std::size_t length = 0;
    while (length < rest.size() && (std::isalpha(static_cast<unsigned char>(rest[length])) != 0 ||
                                    rest[length] == '_' || (colons && rest[length] == ':') ||
                                    (length > 0 && std::isdigit(static_cast<unsigned char>(rest[length])) != 0))) {
      ++length;
    }
    if (length == 0) fail("no name: " + std::string(rest));
    std::string name(rest.substr(0, length));
    rest.remove_prefix(length);
    return name;
  }

  static void take(std::string_view& rest, std::string_view what) {
    if (!rest.starts_with(what)) fail("'" + std::string(what) + "' is missing: " + std::string(rest));
    rest.remove_prefix(what.size());
  }

  static std::string unescaped(std::string_view text, bool quotes) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\') {
        result += text[i];
        continue;
      }
      const char next = ++i < text.size() ? text[i] : '\0';
      if (next != '\\' && next != 'n' && !(quotes && next == '"')) fail("a bad escape: " + std::string(text));
      result += next == 'n' ? '\n' : next;
    }
    return result;
  }

  void line(std::string_view rest) {
    if (rest.starts_with("# HELP ")) {
      rest.remove_prefix(7);
      const std::string name = taken_name(rest, true);
      take(rest, " ");
      if (!families_.emplace(name, ReadFamily{unescaped(rest, false), "", {}}).second) fail("two HELPs: " + name);
      current_ = name;
    } else if (rest.starts_with("# TYPE ")) {
      rest.remove_prefix(7);
      const std::string name = taken_name(rest, true);
      take(rest, " ");
      if (name != current_) fail("a TYPE that does not follow its HELP: " + name);
      ReadFamily& family = families_[name];
      if (!family.type.empty()) fail("two TYPEs: " + name);
      if (rest != "counter" && rest != "gauge" && rest != "histogram") fail("no type: " + std::string(rest));
      family.type = rest;
    } else {
      sample(rest);
    }
  }

  void sample(std::string_view rest) {
    const std::string whole(rest);
    const std::string name = taken_name(rest, true);
    LabelSet labels;
    if (rest.starts_with('{')) {
      do {
        rest.remove_prefix(1);
        std::string label = taken_name(rest, false);
        take(rest, "=\"");
        std::size_t end = 0;
        while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
        if (end >= rest.size()) fail("an open quote: " + whole);
        if (!labels.emplace(label, unescaped(rest.substr(0, end), true)).second) fail("a label twice: " + whole);
        rest.remove_prefix(end + 1);
      } while (rest.starts_with(','));
      take(rest, "}");
    }
    take(rest, " ");
    const std::string number(rest);
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != '\0') fail("not a number: " + whole);
    ReadFamily& family = families_[current_];
    const bool parts = family.type == "histogram";
    const bool own = parts
                         ? name == current_ + "_bucket" || name == current_ + "_sum" || name == current_ + "_count"
                         : !family.type.empty() && name == current_;
    if (!own) fail("a sample outside of its family: " + whole);
    if (!family.samples.emplace(std::pair(name, labels), value).second) fail("a sample twice: " + whole);
  }

  static void check(const std::string& name, const ReadFamily& family) {
    if (family.type.empty()) fail("no TYPE: " + name);
    if (family.help.empty()) fail("no HELP: " + name);
    if (name.ends_with("_total") != (family.type == "counter"))
      fail("counters, and only they, end in _total: " + name);
    for (const auto& [key, value] : family.samples) {
      if (family.type != "gauge" && !(value >= 0)) fail("less than nothing: " + key.first);
    }
    if (family.type == "histogram") check_histogram(name, family);
  }

  static void check_histogram(const std::string& name, const ReadFamily& family) {
    std::map<LabelSet, std::map<double, double>> buckets;  // by labels, then by upper bound
    for (const auto& [key, value] : family.samples) {
      if (key.first != name + "_bucket") continue;
      LabelSet labels = key.second;
      if (!labels.contains("le")) fail("a bucket without a bound: " + name);
      const double bound = std::strtod(labels["le"].c_str(), nullptr);
      labels.erase("le");
      buckets[labels][bound] = value;
    }
    for (const auto& [key, value] : family.samples) {
      if (key.first == name + "_bucket") continue;
      if (!buckets.contains(key.second)) fail("a sum or count without buckets: " + name);
    }
    for (const auto& [labels, bounds] : buckets) {
      double before = 0;
      for (const auto& [bound, count] : bounds) {
        if (count < before) fail("buckets are not cumulative: " + name);
        before = count;
      }
      if (bounds.rbegin()->first != HUGE_VAL) fail("no bucket +Inf: " + name);
      const auto count = family.samples.find({name + "_count", labels});
      if (count == family.samples.end() || count->second != before) fail("the count is not that of +Inf: " + name);
      if (!family.samples.contains({name + "_sum", labels})) fail("no sum: " + name);
    }
  }

  std::map<std::string, ReadFamily> families_;
  std::string current_;
};

}  // namespace lockkeeper
