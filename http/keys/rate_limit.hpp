// A limit of so many a second, with as many at once (the generic cell rate algorithm, ITU-T I.371):
// one number says when the next may come. Any thread, without a lock.
#pragma once

#include "domain/types.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace paymentd::http {

class rate_limit {
 public:
  using duration = std::chrono::nanoseconds;

  /// Takes one of `a_second` (at least 1), of which `at_once` (at least 1) may come together.
  /// Nothing where it may pass; otherwise how long until the next one may.
  std::optional<duration> take(steady_instant now, std::int64_t a_second, std::int64_t at_once) {
    const std::int64_t interval = std::nano::den / a_second;
    const std::int64_t at = duration{now.time_since_epoch()}.count();
    std::int64_t due = due_.load(std::memory_order_relaxed);
    for (;;) {
      const std::int64_t from = std::max(due, at);
      if (const std::int64_t wait = from - at - interval * (at_once - 1); wait > 0)
        return duration{wait};
      if (due_.compare_exchange_weak(due, from + interval, std::memory_order_relaxed))
        return std::nullopt;
    }
  }

  /// Whether nothing is left of what was taken.
  bool at_rest(steady_instant now) const {
    return due_.load(std::memory_order_relaxed) <= duration{now.time_since_epoch()}.count();
  }

 private:
  std::atomic<std::int64_t> due_{0}; // nanoseconds of the steady clock
};

} // namespace paymentd::http
