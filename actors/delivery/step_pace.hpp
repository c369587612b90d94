// Webhooks leave the database to payments while many of these wait for it. A webhook's call is one
// event's, so twenty webhooks under a full load would ask for a step every few events, and payments
// would wait behind all of them.
#pragma once

#include "actors/clock.hpp"
#include "actors/counters.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

namespace paymentd::actors {

struct step_pace_options {
  /// With so many commands at the settlement lanes, payments have the database first. A lane that
  /// keeps up has a few.
  std::int64_t many_commands = 32;
  std::chrono::milliseconds between{150}; // one turn and the next
  /// No turn is later than that: also the last of a hundred webhooks goes on.
  std::chrono::milliseconds wait_max{4000};
};

/// Shared by the deliverers of all webhooks of a process. Any thread.
class step_pace {
 public:
  step_pace(std::shared_ptr<const lane_counters> lanes, step_pace_options options)
      : lanes_(std::move(lanes)), options_(options) {}

  /// The time of the asker's next step: `now` where few commands are at the lanes, else a turn that
  /// nobody else has, unless that would come later than `wait_max` from now.
  steady_instant next_turn(steady_instant now) {
    if (lanes_->open.load(std::memory_order_relaxed) < options_.many_commands)
      return now;
    const std::lock_guard lock(guard_);
    free_at_ = std::clamp(free_at_, now, now + options_.wait_max);
    return std::exchange(free_at_, free_at_ + options_.between);
  }

 private:
  const std::shared_ptr<const lane_counters> lanes_;
  const step_pace_options options_;
  std::mutex guard_;
  steady_instant free_at_; // the next turn that nobody has
};

} // namespace paymentd::actors
