// The page that Prometheus scrapes. What is on it is asked for at each scrape, from plain numbers, so that what is
// counted on a hot path costs no more there than an addition. prometheus-cpp stays inside.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockkeeper::http {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Of a counter or a gauge.
struct Sample {
  MetricLabels labels;
  double value = 0;
};

struct HistogramSample {
  MetricLabels labels;
  std::vector<double> bounds;         // upper ones, ascending, each within its bucket, without the infinite one
  std::vector<std::uint64_t> counts;  // one a bucket, not added up; the last is of what lies above all bounds
  double sum = 0;
};

enum class MetricType { counter, gauge, histogram };

// All samples of one name. A family without samples is on the page too: that nothing happened is told as well.
struct Family {
  std::string name;  // after Prometheus's conventions: base units, a counter's ends in _total
  std::string help;
  MetricType type = MetricType::counter;
  std::vector<Sample> samples;              // unless a histogram
  std::vector<HistogramSample> histograms;  // only of a histogram
};

class MetricsPage {
 public:
  using Source = std::function<std::vector<Family>()>;

  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  // Before the first text(). A source is called on the threads that scrape, on several at one time perhaps.
  void add(Source source) { sources_.push_back(std::move(source)); }

  // Families in order of their names; what several sources tell of one name stands together. Throws
  // std::logic_error when they differ in its type, or counts do not fit their bounds. Any thread.
  std::string text() const;

 private:
  std::vector<Source> sources_;
};

}  // namespace lockkeeper::http
