#include "http/metric_families.hpp"

#include "domain/check.hpp"

#include <prometheus/text_serializer.h>

#include <limits>
#include <sstream>

namespace paymentd::http {

using prometheus::ClientMetric;
using prometheus::MetricType;

void metric_families::begin(MetricType type, std::string_view name, std::string_view help) {
  prometheus::MetricFamily& made = all_.emplace_back();
  made.name = name;
  made.help = help;
  made.type = type;
}

void metric_families::counter(std::string_view name, std::string_view help) {
  begin(MetricType::Counter, name, help);
}

void metric_families::gauge(std::string_view name, std::string_view help) {
  begin(MetricType::Gauge, name, help);
}

void metric_families::histogram(std::string_view name, std::string_view help) {
  begin(MetricType::Histogram, name, help);
}

ClientMetric& metric_families::add(const labels& of) {
  check(!all_.empty(), "a value belongs to a family");
  ClientMetric& made = all_.back().metric.emplace_back();
  for (const auto& [name, value] : of) {
    ClientMetric::Label& label = made.label.emplace_back();
    label.name = name;
    label.value = value;
  }
  return made;
}

void metric_families::value(const labels& of, double now) {
  ClientMetric& made = add(of);
  if (all_.back().type == MetricType::Counter)
    made.counter.value = now;
  else
    made.gauge.value = now;
}

void metric_families::seconds(const labels& of, std::int64_t ms) {
  constexpr double ms_a_second = 1000;
  value(of, static_cast<double>(ms) / ms_a_second);
}

void metric_families::value(const labels& of, const histogram_reading& now, double unit) {
  auto& made = add(of).histogram;
  made.sample_sum = static_cast<double>(now.sum) / unit;
  for (std::size_t at = 0; at < now.counts.size(); ++at) {
    made.sample_count += now.counts[at];
    ClientMetric::Bucket& bucket = made.bucket.emplace_back();
    bucket.cumulative_count = made.sample_count;
    bucket.upper_bound = at < now.bounds.size() ? static_cast<double>(now.bounds[at]) / unit
                                                : std::numeric_limits<double>::infinity();
  }
}

std::string metric_families::text() const {
  std::vector<prometheus::MetricFamily> shown;
  for (const auto& each : all_)
    if (!each.metric.empty())
      shown.push_back(each);
  std::ostringstream out;
  prometheus::TextSerializer{}.Serialize(out, shown);
  return std::move(out).str();
}

} // namespace paymentd::http
