#include "http/owned_metrics.h"

#include <algorithm>

namespace lockkeeper::http {
namespace {

std::vector<Sample> samples_of(const std::map<MetricLabels, double>& values) {
  std::vector<Sample> samples;
  for (const auto& [labels, value] : values) samples.push_back({labels, value});
  return samples;
}

}  // namespace

void OwnedCounters::add(const MetricLabels& labels, double by) {
  const std::lock_guard guard(mutex_);
  values_[labels] += by;
}

Family OwnedCounters::collect() const {
  const std::lock_guard guard(mutex_);
  return {name_, help_, MetricType::counter, samples_of(values_), {}};
}

void OwnedGauges::set(const MetricLabels& labels, double value) {
  const std::lock_guard guard(mutex_);
  values_[labels] = value;
}

void OwnedGauges::add(const MetricLabels& labels, double by) {
  const std::lock_guard guard(mutex_);
  values_[labels] += by;
}

void OwnedGauges::forget(const MetricLabels& labels) {
  const std::lock_guard guard(mutex_);
  values_.erase(labels);
}

Family OwnedGauges::collect() const {
  const std::lock_guard guard(mutex_);
  return {name_, help_, MetricType::gauge, samples_of(values_), {}};
}

void OwnedHistograms::observe(const MetricLabels& labels, double value) {
  // A bucket holds its upper bound.
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  const std::lock_guard guard(mutex_);
  Tally& tally = tallies_[labels];
  tally.counts.resize(bounds_.size() + 1);
  ++tally.counts[static_cast<std::size_t>(at)];
  tally.sum += value;
}

Family OwnedHistograms::collect() const {
  const std::lock_guard guard(mutex_);
  Family family{name_, help_, MetricType::histogram, {}, {}};
  for (const auto& [labels, tally] : tallies_) {
    family.histograms.push_back({labels, bounds_, tally.counts, tally.sum});
  }
  return family;
}

}  // namespace lockkeeper::http
