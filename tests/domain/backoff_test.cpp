// Goal: the delays of a row of failures are known to the millisecond.
// Method: the random number is given, so every delay is computed by hand.
#include "domain/backoff.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

using namespace std::chrono_literals;

TEST(backoff, doubles_from_the_minimum_to_the_cap) {
  const backoff_options options{.min = 200ms, .max = 1s, .factor = 2.0, .jitter = 0.2};
  EXPECT_EQ(backoff_delay(options, 1, 0.0), 200ms);
  EXPECT_EQ(backoff_delay(options, 2, 0.0), 400ms);
  EXPECT_EQ(backoff_delay(options, 3, 0.0), 800ms);
  EXPECT_EQ(backoff_delay(options, 4, 0.0), 1s);
  EXPECT_EQ(backoff_delay(options, 5, 0.0), 1s);
}

TEST(backoff, jitter_only_shortens_so_the_cap_holds) {
  const backoff_options options{.min = 200ms, .max = 1s, .factor = 2.0, .jitter = 0.5};
  EXPECT_EQ(backoff_delay(options, 1, 0.5), 150ms);
  EXPECT_EQ(backoff_delay(options, 9, 0.999999), 500ms);
  EXPECT_LE(backoff_delay(options, 9, 0.3), 1s);
}

TEST(backoff, an_endless_row_of_failures_stays_at_the_cap) {
  const backoff_options options{.min = 1ms, .max = 30s, .factor = 10.0, .jitter = 0.0};
  EXPECT_EQ(backoff_delay(options, 1'000'000, 0.0), 30s);
}

TEST(backoff, no_failure_counts_as_the_first) {
  const backoff_options options{.min = 200ms, .max = 1s, .factor = 2.0, .jitter = 0.0};
  EXPECT_EQ(backoff_delay(options, 0, 0.0), 200ms);
}

} // namespace
} // namespace paymentd
