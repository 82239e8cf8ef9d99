#include "http/metrics_page.h"

#include <prometheus/text_serializer.h>

#include <iterator>
#include <map>
#include <stdexcept>

namespace lockkeeper::http {
namespace {

prometheus::MetricType type_of(MetricType type) {
  switch (type) {
    case MetricType::counter:
      return prometheus::MetricType::Counter;
    case MetricType::gauge:
      return prometheus::MetricType::Gauge;
    case MetricType::histogram:
      return prometheus::MetricType::Histogram;
  }
  throw std::logic_error("a metric of no type");
}

// The serializer escapes labels, but writes help as it is.
std::string escaped_help(std::string_view help) {
  std::string text;
  for (const char letter : help) {
    if (letter == '\\') {
      text += "\\\\";
    } else if (letter == '\n') {
      text += "\\n";
    } else {
      text += letter;
    }
  }
  return text;
}

prometheus::ClientMetric labelled(MetricLabels&& labels) {
  prometheus::ClientMetric metric;
  for (auto& [name, value] : labels) metric.label.push_back({std::move(name), std::move(value)});
  return metric;
}

prometheus::ClientMetric metric_of(Sample&& sample) {
  prometheus::ClientMetric metric = labelled(std::move(sample.labels));
  metric.counter.value = sample.value;
  metric.gauge.value = sample.value;
  return metric;
}

prometheus::ClientMetric metric_of(HistogramSample&& sample) {
  if (sample.counts.size() != sample.bounds.size() + 1) throw std::logic_error("a histogram's counts do not fit");
  prometheus::ClientMetric metric = labelled(std::move(sample.labels));
  prometheus::ClientMetric::Histogram& histogram = metric.histogram;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < sample.bounds.size(); ++i) {
    total += sample.counts[i];
    histogram.bucket.push_back({total, sample.bounds[i]});
  }
  histogram.sample_count = total + sample.counts.back();
  histogram.sample_sum = sample.sum;
  return metric;
}

}  // namespace

std::string MetricsPage::text() const {
  std::map<std::string, prometheus::MetricFamily> by_name;
  for (const Source& source : sources_) {
    for (Family& family : source()) {
      auto [at, first] = by_name.try_emplace(family.name);
      prometheus::MetricFamily& known = at->second;
      if (first) {
        known.name = family.name;
        known.help = escaped_help(family.help);
        known.type = type_of(family.type);
      } else if (known.type != type_of(family.type)) {
        throw std::logic_error("two types of " + family.name);
      }
      for (Sample& sample : family.samples) known.metric.push_back(metric_of(std::move(sample)));
      for (HistogramSample& sample : family.histograms) known.metric.push_back(metric_of(std::move(sample)));
    }
  }
  std::vector<prometheus::MetricFamily> families;
  for (auto& [name, family] : by_name) families.push_back(std::move(family));
  return static_cast<const prometheus::Serializer&>(prometheus::TextSerializer()).Serialize(families);
}

}  // namespace lockkeeper::http
