// A page of metrics that is being written: families with their help, type and values, in the types
// of prometheus-cpp, whose serializer makes the text of them. For those who write /metrics; one
// thread.
#pragma once

#include "domain/histogram.hpp"

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace paymentd::http {

class metric_families {
 public:
  using labels = std::vector<std::pair<std::string_view, std::string_view>>;

  // Begins a family: its values follow. `help` ends with a full stop.
  void counter(std::string_view name, std::string_view help);
  void gauge(std::string_view name, std::string_view help);
  void histogram(std::string_view name, std::string_view help);

  // Values of the family that was begun last.
  void value(const labels& of, double now);
  void value(const labels& of, std::uint64_t now) { value(of, static_cast<double>(now)); }
  void value(const labels& of, std::int64_t now) { value(of, static_cast<double>(now)); }
  void value(const labels& of, int now) { value(of, static_cast<double>(now)); }
  /// In milliseconds, shown in seconds.
  void seconds(const labels& of, std::int64_t ms);
  /// `unit`: so many of the histogram's own are one of what is shown; 1'000'000 where it has
  /// microseconds and shows seconds.
  void value(const labels& of, const histogram_reading& now, double unit);

  // A family with one value and no labels.
  void counter(std::string_view name, std::string_view help, auto now) {
    counter(name, help);
    value({}, now);
  }
  void gauge(std::string_view name, std::string_view help, auto now) {
    gauge(name, help);
    value({}, now);
  }

  /// Prometheus's text format, version 0.0.4. A family without values is left out.
  std::string text() const;

 private:
  void begin(prometheus::MetricType type, std::string_view name, std::string_view help);
  prometheus::ClientMetric& add(const labels& of);

  std::vector<prometheus::MetricFamily> all_;
};

/// Of histograms in microseconds that show seconds.
inline constexpr double microseconds_a_second = 1'000'000;

} // namespace paymentd::http
