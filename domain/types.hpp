// The vocabulary of every room: ids, money and time as types of their own, so that an order's id
// cannot be passed for a user's and an amount cannot be passed for either. Values only; any thread.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

namespace paymentd {

/// An id of one kind of thing. Valid ids begin at 1; 0 stands for "none yet".
template <class Tag>
struct strong_id {
  std::int64_t value = 0;
  friend auto operator<=>(strong_id, strong_id) = default;
};

using user_id = strong_id<struct user_tag>;
using order_id = strong_id<struct order_tag>;
using coupon_id = strong_id<struct coupon_tag>;
/// A ledger entry's id: `stream << stream_shift | number`, so it tells which stream wrote it.
using entry_id = strong_id<struct entry_tag>;
using stream_id = strong_id<struct stream_tag>;
using subscriber_id = strong_id<struct subscriber_tag>;
using claim_id = strong_id<struct claim_tag>;

/// The largest whole number that JSON readers keep exactly (2^53 - 1): the bound of ids and won.
inline constexpr std::int64_t safe_integer_max = 9'007'199'254'740'991;

/// Entry ids are made of a stream (12 bits) and a number in it (41 bits), 53 bits in all.
inline constexpr int stream_shift = 41;
inline constexpr std::int64_t stream_max = (std::int64_t{1} << 12) - 1;

constexpr entry_id make_entry_id(stream_id stream, std::int64_t number) {
  return {stream.value << stream_shift | number};
}
constexpr stream_id stream_of(entry_id entry) {
  return {entry.value >> stream_shift};
}
constexpr std::int64_t number_of(entry_id entry) {
  return entry.value & ((std::int64_t{1} << stream_shift) - 1);
}

/// An amount of whole Korean won. Negative only where a ledger entry takes money away.
struct won {
  std::int64_t value = 0;
  friend auto operator<=>(won, won) = default;
  constexpr won operator-() const { return {-value}; }
};

inline constexpr won won_max{safe_integer_max};

/// a + b, or nothing where the sum is negative or above won_max. Both are within ±won_max, so the
/// sum itself cannot overflow.
constexpr std::optional<won> checked_add(won a, won b) {
  const std::int64_t sum = a.value + b.value;
  if (sum < 0 || sum > won_max.value)
    return std::nullopt;
  return won{sum};
}

/// Wall-clock time, UTC, in milliseconds: what is stored and shown.
using instant = std::chrono::sys_time<std::chrono::milliseconds>;

/// Monotonic time: what deadlines are measured with.
using steady_instant = std::chrono::steady_clock::time_point;

} // namespace paymentd

template <class Tag>
struct std::hash<paymentd::strong_id<Tag>> {
  std::size_t operator()(paymentd::strong_id<Tag> id) const noexcept {
    // Fibonacci hashing: neighbouring ids go to different buckets and shards.
    return static_cast<std::size_t>(static_cast<std::uint64_t>(id.value) * 0x9E3779B97F4A7C15ull);
  }
};
