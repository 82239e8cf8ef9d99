// Families that hold their numbers themselves, for programs that count seldom: one lock a family. What is counted
// with each request of a server is plain numbers of its own instead (http/metrics_page.h). Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "http/metrics_page.h"

namespace lockkeeper::http {

// One sample for each set of labels that was spoken of. Name each set once at the start, with 0, to have it on
// the page before its first event.
class OwnedCounters {
 public:
  OwnedCounters(std::string name, std::string help) : name_(std::move(name)), help_(std::move(help)) {}

  void add(const MetricLabels& labels = {}, double by = 1);  // `by` is not negative
  Family collect() const;

 private:
  std::string name_;
  std::string help_;
  mutable std::mutex mutex_;
  std::map<MetricLabels, double> values_;
};

class OwnedGauges {
 public:
  OwnedGauges(std::string name, std::string help) : name_(std::move(name)), help_(std::move(help)) {}

  void set(const MetricLabels& labels, double value);
  void set(double value) { set({}, value); }
  void add(const MetricLabels& labels, double by);
  void forget(const MetricLabels& labels);  // its sample leaves the page
  Family collect() const;

 private:
  std::string name_;
  std::string help_;
  mutable std::mutex mutex_;
  std::map<MetricLabels, double> values_;
};

class OwnedHistograms {
 public:
  // `bounds`: upper ones, ascending, without the infinite one.
  OwnedHistograms(std::string name, std::string help, std::vector<double> bounds)
      : name_(std::move(name)), help_(std::move(help)), bounds_(std::move(bounds)) {}

  void observe(const MetricLabels& labels, double value);
  void observe(double value) { observe({}, value); }
  Family collect() const;

 private:
  struct Tally {
    std::vector<std::uint64_t> counts;
    double sum = 0;
  };

  std::string name_;
  std::string help_;
  std::vector<double> bounds_;
  mutable std::mutex mutex_;
  std::map<MetricLabels, Tally> tallies_;
};

}  // namespace lockkeeper::http
