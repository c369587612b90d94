#include "domain/backoff.hpp"

#include <algorithm>
#include <cmath>

namespace paymentd {

std::chrono::milliseconds backoff_delay(const backoff_options& options, int failures,
                                        double random) noexcept {
  const auto min = static_cast<double>(options.min.count());
  const auto max = static_cast<double>(options.max.count());
  // pow gives infinity for a long row of failures; min() turns that into the cap.
  const double grown = min * std::pow(options.factor, std::max(failures, 1) - 1);
  const double capped = std::min(grown, max);
  const double jittered = capped * (1.0 - options.jitter * std::clamp(random, 0.0, 1.0));
  return std::chrono::milliseconds(std::max<std::int64_t>(1, std::llround(jittered)));
}

} // namespace paymentd
