// Counts and gauges of the actors, for those who measure: the actors write them, /metrics reads
// them. Numbers alone, so that a reader of them sees nothing of stores and providers. Any thread.
#pragma once

#include "actors/health.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::actors {

inline void add(std::atomic<std::uint64_t>& counter, std::size_t much = 1) {
  counter.fetch_add(much, std::memory_order_relaxed);
}

/// Of all settlement lanes so far.
struct lane_counters {
  std::atomic<std::uint64_t> batches{0};  // settled, not counting renewals of the lease
  std::atomic<std::uint64_t> commands{0}; // settled
  std::atomic<std::uint64_t> retries{0};  // batches that were tried again, nothing having happened
  std::atomic<std::uint64_t> in_doubt{0}; // commits whose answer was lost
  std::atomic<std::uint64_t> shed{0};     // commands refused for want of room or time
};

/// Of all order registries.
struct registry_counters {
  std::atomic<std::int64_t> resident{0};    // order actors alive now
  std::atomic<std::uint64_t> reassigned{0}; // times that an idle one was given to another order
};

/// Of all that was delivered to one subscriber so far.
struct delivery_counters {
  std::atomic<std::uint64_t> calls{0};     // to the provider
  std::atomic<std::uint64_t> searches{0};  // at the provider, for the outcome of calls
  std::atomic<std::uint64_t> sent{0};      // messages in calls, repeats included
  std::atomic<std::uint64_t> accepted{0};  // messages that the provider took
  std::atomic<std::uint64_t> delivered{0}; // stored as DELIVERED
  std::atomic<std::uint64_t> failed{0};    // stored as FAILED
  std::atomic<std::uint64_t> retried{0};   // stored to be tried again
  std::atomic<std::uint64_t> unknown{0};   // calls and searches that told nothing
  std::atomic<std::uint64_t> pruned{0};    // DELIVERED long ago and deleted
  std::atomic<std::int64_t> parked{0};     // claims that wait for a time, now
  std::atomic<std::int64_t> in_flight{0};  // calls and searches, now
  /// When the oldest event in an open claim happened, in ms since 1970; 0: nothing is open.
  std::atomic<std::int64_t> oldest_open_ms{0};
  /// Until when nothing is sent, as the API asked, in ms since 1970.
  std::atomic<std::int64_t> held_until_ms{0};
};

enum class supervision : std::uint8_t {
  running,     // a child lives
  backing_off, // waiting for the time of the next start
  degraded,    // it failed too often: starts go on, at the longest delay, until one succeeds
};

/// Of one supervisor: the numbers of its supervisor_status.
struct supervision_gauges {
  std::atomic<int> state{static_cast<int>(supervision::backing_off)};
  std::atomic<int> failures{0};
  std::atomic<std::uint64_t> restarts{0};
  std::atomic<std::int64_t> delay_ms{0};
};

/// How the delivery to one subscriber goes.
struct subscriber_metrics {
  std::string name;
  std::shared_ptr<const delivery_counters> delivery;
  std::shared_ptr<const supervision_gauges> supervision;
};

/// All of a process.
struct payment_metrics {
  std::shared_ptr<const lane_counters> lanes;
  std::shared_ptr<const registry_counters> registries;
  std::vector<subscriber_metrics> subscribers;
  health_report health; // at the moment it was asked for
};

} // namespace paymentd::actors
