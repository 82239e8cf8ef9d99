// What the programs of the bench are told, and what they print: one JSON object, times in microseconds.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

// --flag value, in pairs.
class Flags {
 public:
  Flags(int argc, char** argv) {
    for (int at = 1; at + 1 < argc; at += 2) given_[argv[at]] = argv[at + 1];
  }
  std::string text(const std::string& flag) const { return given_.count(flag) != 0 ? given_.at(flag) : ""; }
  double number(const std::string& flag, double otherwise) const {
    return given_.count(flag) != 0 ? std::atof(given_.at(flag).c_str()) : otherwise;
  }
  std::size_t count(const std::string& flag, std::size_t otherwise) const {
    return static_cast<std::size_t>(number(flag, static_cast<double>(otherwise)));
  }

 private:
  std::map<std::string, std::string> given_;
};

class Times {
 public:
  template <class Duration>
  void add(Duration time) {
    all_.push_back(std::chrono::duration<double, std::micro>(time).count());
  }
  std::size_t size() const { return all_.size(); }
  double at(double part) {
    if (all_.empty()) return 0;
    std::sort(all_.begin(), all_.end());
    return all_[static_cast<std::size_t>(part * static_cast<double>(all_.size() - 1))];
  }

 private:
  std::vector<double> all_;
};

class Figures {
 public:
  Figures& add(std::string_view name, double value) {
    char number[40];
    std::snprintf(number, sizeof number, "%.10g", value);
    text_ += (text_.empty() ? "{\"" : ",\"") + std::string(name) + "\":" + number;
    return *this;
  }
  // NAME_p50_us, NAME_p99_us, NAME_most_us, NAMEs
  Figures& add(const std::string& name, Times& times) {
    return add(name + "s", static_cast<double>(times.size()))
        .add(name + "_p50_us", times.at(0.5))
        .add(name + "_p99_us", times.at(0.99))
        .add(name + "_most_us", times.at(1));
  }
  void print() const { std::printf("%s}\n", text_.c_str()); }

 private:
  std::string text_;
};

}  // namespace bench
