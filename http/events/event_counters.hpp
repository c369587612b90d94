// Measurements of the events that clients follow, for /metrics. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace paymentd::http {

struct event_counters {
  std::atomic<std::int64_t> clients{0};  // that follow
  std::atomic<std::uint64_t> refused{0}; // there were too many
  std::atomic<std::uint64_t> cut_off{0}; // took too little
  std::atomic<std::uint64_t> bytes{0};   // sent
  /// The time of the newest event that was handed out, where more wait; otherwise 0.
  std::atomic<std::int64_t> late_since_ms{0};
};

} // namespace paymentd::http
