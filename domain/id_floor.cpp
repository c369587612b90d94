#include "domain/id_floor.hpp"

#include <algorithm>

namespace paymentd {
namespace {

constexpr std::int64_t numbers_end = std::int64_t{1} << stream_shift;
// The part of a stream above a floor: more than any epoch uses before the next window begins.
constexpr std::int64_t numbers_left_min = std::int64_t{1} << 30;
constexpr std::int64_t window_ms = (numbers_end - numbers_left_min) / ids_per_ms;
constexpr std::int64_t streams_per_window = 64;
constexpr std::int64_t last_window = stream_max / streams_per_window - 1;

// So late that the ids of rows stay far below 2^53.
constexpr std::int64_t row_ids_end_ms = safe_integer_max / 2 / ids_per_ms;

std::int64_t ms_since_era(instant now) {
  return std::max<std::int64_t>((now - id_era).count(), 0);
}

} // namespace

stream_floor stream_floor_at(instant now) {
  const std::int64_t at = std::min(ms_since_era(now), (last_window + 1) * window_ms - 1);
  return {.stream = {at / window_ms * streams_per_window + 1},
          .number = at % window_ms * ids_per_ms};
}

std::int64_t row_id_floor_at(instant now) {
  return std::max<std::int64_t>(std::min(ms_since_era(now), row_ids_end_ms) * ids_per_ms, 1);
}

} // namespace paymentd
