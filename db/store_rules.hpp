// Small rules that both stores share: bounds of the streams' numbers, errors in the same words, and
// the check of a seed. Pure; any thread.
#pragma once

#include "db/store.hpp"

namespace paymentd::db {

/// A stream's numbers are below it.
inline constexpr std::int64_t all_numbers_end = std::int64_t{1} << stream_shift;
/// A stream with less than this left is used up: another one is begun instead.
inline constexpr std::int64_t numbers_left_min = std::int64_t{1} << 30;

inline error epoch_has_ended(stream_lease lease) {
  return {error_kind::fenced, "epoch " + std::to_string(lease.epoch) + " of stream " +
                                  std::to_string(lease.stream.value) + " has ended"};
}

/// The answer to a batch that comes while the one before it is in doubt.
inline error batch_is_unresolved() {
  return {error_kind::in_doubt, "database: an earlier batch has to be resolved first"};
}

inline std::unexpected<error> refused_seed(const char* why) {
  return std::unexpected(error{error_kind::broken, std::string("cannot seed: ") + why});
}

/// All of a seed that shows without a look at the database.
inline result<void> check_seed(const seed_plan& plan) {
  if (plan.users < 0 || plan.orders < 0 || plan.spread < 0)
    return refused_seed("a number is negative");
  if (plan.spread > plan.users || (plan.orders > 0 && plan.users == 0))
    return refused_seed("there are fewer users than the orders need");
  if (plan.balance < won{} || plan.amount < won{} || plan.balance > won_max ||
      plan.amount > won_max)
    return refused_seed("an amount is out of bounds");
  return {};
}

} // namespace paymentd::db
