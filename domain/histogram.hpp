// Counts of values by their size, as Prometheus has its histograms: those who measure write them on
// any thread, without a lock and without memory of their own, and /metrics reads them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace paymentd {

/// The counts at one moment. A value that is counted meanwhile may be in some of them and not yet
/// in the others.
struct histogram_reading {
  std::span<const std::int64_t> bounds; // upper ones, each of its bucket; ascending
  std::vector<std::uint64_t> counts;    // one more: the last is of all beyond
  std::int64_t sum = 0;                 // of the values

  std::uint64_t count() const {
    std::uint64_t all = 0;
    for (const std::uint64_t each : counts)
      all += each;
    return all;
  }
  /// Adds one with the same bounds.
  void add(const histogram_reading& other) {
    for (std::size_t at = 0; at < counts.size(); ++at)
      counts[at] += other.counts[at];
    sum += other.sum;
  }
};

/// `Bounds` is an ascending array of upper bounds.
template <const auto& Bounds>
class histogram {
 public:
  /// Counts a value; one below 0, as of a clock that was set back, is 0.
  void observe(std::int64_t value) {
    value = std::max<std::int64_t>(value, 0);
    std::size_t at = 0;
    while (at < Bounds.size() && value > Bounds[at])
      ++at;
    counts_[at].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  bool empty() const {
    return std::ranges::all_of(
        counts_, [](const auto& each) { return each.load(std::memory_order_relaxed) == 0; });
  }

  histogram_reading read() const {
    histogram_reading now{.bounds = Bounds, .counts = {}, .sum = sum_.load()};
    for (const auto& each : counts_)
      now.counts.push_back(each.load(std::memory_order_relaxed));
    return now;
  }

 private:
  std::array<std::atomic<std::uint64_t>, Bounds.size() + 1> counts_{};
  std::atomic<std::int64_t> sum_{0};
};

/// In microseconds, 0.25 ms to 10 s: close together where payments are.
inline constexpr std::array<std::int64_t, 17> duration_bounds{
    250,    500,     1'000,   2'500,   5'000,     10'000,    15'000,    20'000,    30'000,
    50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};
/// Of batches, in commands.
inline constexpr std::array<std::int64_t, 12> batch_bounds{1,   2,   5,   10,    20,    50,
                                                           100, 200, 500, 1'000, 2'000, 5'000};

class duration_histogram : public histogram<duration_bounds> {
 public:
  void observe(std::chrono::nanoseconds took) {
    histogram::observe(std::chrono::floor<std::chrono::microseconds>(took).count());
  }
};
using batch_histogram = histogram<batch_bounds>;

} // namespace paymentd
