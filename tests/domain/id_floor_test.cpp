// Goal: the lower bounds of ids rise with the clock, stay inside their 53 bits for decades, and
// hold for a clock that is far off. Method: times from before the era to far behind the last
// window, and the borders of windows.
#include "domain/id_floor.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t number_end = std::int64_t{1} << stream_shift;

instant after(std::chrono::milliseconds since_era) {
  return id_era + since_era;
}

TEST(id_floor, a_clock_before_the_era_bounds_nothing) {
  for (const instant early : {instant{}, id_era - 1ms, id_era}) {
    EXPECT_EQ(stream_floor_at(early), (stream_floor{{1}, 0}));
    EXPECT_EQ(row_id_floor_at(early), 1);
  }
}

TEST(id_floor, rises_with_every_millisecond_and_leaves_room_for_what_is_given_in_it) {
  std::int64_t entry = 0;
  std::int64_t row = 0;
  // Steps that meet borders of windows, over 34 years.
  for (std::chrono::milliseconds at = 1ms; at < 34 * 24h * 365; at += 4'999'999'999ms) {
    for (const auto step : {0ms, 1ms}) {
      const auto floor = stream_floor_at(after(at + step));
      const std::int64_t id = make_entry_id(floor.stream, floor.number).value;
      EXPECT_GE(id, entry + (step == 0ms ? 1 : 0)) << at.count();
      EXPECT_GE(row_id_floor_at(after(at + step)), row + (step == 0ms ? 1 : ids_per_ms));
      entry = id;
      row = row_id_floor_at(after(at + step));
      ASSERT_LE(floor.number, number_end - (std::int64_t{1} << 30)) << at.count();
      ASSERT_LE(floor.stream.value, stream_max) << at.count();
    }
  }
}

TEST(id_floor, a_new_window_has_streams_of_its_own) {
  const auto first = stream_floor_at(after(1ms));
  auto at = after(1ms);
  while (stream_floor_at(at).stream == first.stream)
    at += 24h;
  EXPECT_EQ(stream_floor_at(at).stream.value, first.stream.value + 64);
  EXPECT_LT(stream_floor_at(at).number, ids_per_ms * 24 * 3'600'000);
  EXPECT_NEAR(static_cast<double>((at - id_era) / 24h), 199.0, 1.0);
}

TEST(id_floor, a_clock_far_in_the_future_stays_inside_the_53_bits) {
  const instant far = std::chrono::sys_days{std::chrono::year{9999} / 12 / 31};
  const auto floor = stream_floor_at(far);
  EXPECT_LE(floor.stream.value + 63, stream_max);
  EXPECT_LT(floor.number, number_end);
  EXPECT_LT(row_id_floor_at(far), safe_integer_max - (std::int64_t{1} << 50));
}

} // namespace
} // namespace paymentd
