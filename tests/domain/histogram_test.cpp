// Goal: each value is counted in the bucket of the smallest bound that is not below it, and nothing
// is lost where many count at once. Method: values at, below and beyond the bounds; threads.
#include "domain/histogram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace paymentd {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr std::array<std::int64_t, 3> bounds{1, 10, 100};

TEST(histogram, a_value_is_in_the_bucket_of_the_next_bound) {
  histogram<bounds> sizes;
  EXPECT_TRUE(sizes.empty());
  for (const std::int64_t value : {-5, 0, 1, 2, 10, 11, 100, 101, 9999})
    sizes.observe(value);
  const histogram_reading now = sizes.read();
  EXPECT_THAT(now.bounds, ElementsAre(1, 10, 100));
  EXPECT_THAT(now.counts, ElementsAre(3, 2, 2, 2));
  EXPECT_EQ(now.sum, 0 + 0 + 1 + 2 + 10 + 11 + 100 + 101 + 9999);
  EXPECT_EQ(now.count(), 9u);
  EXPECT_FALSE(sizes.empty());
}

TEST(histogram, readings_add_up) {
  histogram<bounds> one;
  histogram<bounds> other;
  one.observe(5);
  other.observe(5);
  other.observe(500);
  histogram_reading both = one.read();
  both.add(other.read());
  EXPECT_THAT(both.counts, ElementsAre(0, 2, 0, 1));
  EXPECT_EQ(both.sum, 510);
}

TEST(histogram, durations_are_counted_in_microseconds) {
  duration_histogram times;
  times.observe(250us);
  times.observe(250us + 999ns);
  times.observe(251us);
  times.observe(11s);
  const histogram_reading now = times.read();
  EXPECT_EQ(now.counts.front(), 2u);
  EXPECT_EQ(now.counts.back(), 1u);
  EXPECT_EQ(now.sum, 250 + 250 + 251 + 11'000'000);
}

TEST(histogram, nothing_is_lost_where_many_count_at_once) {
  histogram<bounds> sizes;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (int n = 0; n < 10'000; ++n)
          sizes.observe(n % 3);
      });
  }
  EXPECT_EQ(sizes.read().count(), 40'000u);
}

} // namespace
} // namespace paymentd
