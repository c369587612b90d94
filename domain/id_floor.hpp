// Lower bounds for new ids, taken from the clock. A restored backup, or a standby that missed the
// last commits, has forgotten which ids were given after it was made; clients, message APIs and
// webhook receivers have not. So a new id is the larger of what the database says is next and what
// the clock allows here. Used by both stores; values only, any thread.
#pragma once

#include "domain/types.hpp"

namespace paymentd {

/// From when the clock is counted. Earlier times have no lower bound.
inline constexpr instant id_era = std::chrono::sys_days{std::chrono::year{2026} / 11 / 1};

/// How many ids one millisecond of the clock is worth. Ids are given again after a restore only
/// where more than this were given in each millisecond since the backup, 128,000 a second, in one
/// stream or of one kind.
inline constexpr std::int64_t ids_per_ms = 128;

/// Where the numbers of a ledger stream may begin.
struct stream_floor {
  stream_id stream;        // new epochs begin in this stream or in a later one
  std::int64_t number = 0; // and at this number or above; at least 2^30 numbers are left above it
  friend bool operator==(const stream_floor&, const stream_floor&) = default;
};

/// The numbers of a stream reach for 199 days at ids_per_ms. So the time is cut into windows of
/// that length, and each has 64 streams of its own: the first has 1 to 64, the next 65 to 128. The
/// last window ends in 2061; later times have its end as their floor.
stream_floor stream_floor_at(instant now);

/// The lowest id that a new user or order may have; 1 before id_era.
std::int64_t row_id_floor_at(instant now);

} // namespace paymentd
