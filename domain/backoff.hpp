// How long to wait before the next try: min * factor^failures, capped at max, with jitter inside
// the cap. A pure value: the random number comes from outside, so tests know every delay.
#pragma once

#include <chrono>

namespace paymentd {

struct backoff_options {
  std::chrono::milliseconds min{200};   // the first delay; above 0
  std::chrono::milliseconds max{30000}; // no delay is longer; at least min
  double factor = 2.0;                  // growth with each failure; at least 1
  double jitter = 0.2;                  // 0 to 1: a delay d becomes one of [d * (1 - jitter), d]
};

/// The delay after `failures` failures in a row (0 counts as 1). `random` is uniform in [0, 1).
std::chrono::milliseconds backoff_delay(const backoff_options& options, int failures,
                                        double random) noexcept;

} // namespace paymentd
