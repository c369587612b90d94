// Counts and gauges of the actors, for those who measure: the actors write them, /metrics reads
// them. Numbers alone, so that a reader of them sees nothing of stores and providers. Any thread.
#pragma once

#include "actors/health.hpp"
#include "domain/histogram.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::actors {

inline void add(std::atomic<std::uint64_t>& counter, std::size_t much = 1) {
  counter.fetch_add(much, std::memory_order_relaxed);
}

/// Of all settlement lanes so far.
struct lane_counters {
  std::atomic<std::uint64_t> batches{0};         // settled, not counting renewals of the lease
  std::atomic<std::uint64_t> batches_retried{0}; // nothing had happened
  std::atomic<std::uint64_t> commands{0};        // settled
  std::atomic<std::uint64_t> in_doubt{0};        // commits whose answer was lost
  std::atomic<std::int64_t> open{0};             // commands that are not answered, now
  batch_histogram batch_sizes;                   // of those settled, in commands
  duration_histogram waits;                      // of each command, until its batch begins
  duration_histogram settles;                    // of each batch, until its answer is at the lane
};

/// The kinds of calls to a store: the functions of its ports.
enum class store_call_kind : std::uint8_t {
  take_stream,
  settle,
  resolve,
  read,
  retry,
  subscribe,
  lease_deliveries,
  open_claims,
  deliver,
  prune,
  begin_results,
  store_results,
  forget_keys,
  measure_backlog,
  webhooks,
  change_webhook,
  tend_webhooks,
};
inline constexpr auto store_call_names = std::to_array<std::string_view>({
    "take_stream",
    "settle",
    "resolve",
    "read",
    "retry",
    "subscribe",
    "lease_deliveries",
    "open_claims",
    "deliver",
    "prune",
    "begin_results",
    "store_results",
    "forget_keys",
    "measure_backlog",
    "webhooks",
    "change_webhook",
    "tend_webhooks",
});
static_assert(store_call_names.size() ==
              std::size_t{1} + static_cast<std::size_t>(store_call_kind::tend_webhooks));

/// Of all store workers: the calls that they made, by kind.
struct store_counters {
  std::array<duration_histogram, store_call_names.size()> calls;
  std::array<std::atomic<std::uint64_t>, store_call_names.size()> failed{}; // of them

  void count(store_call_kind kind, std::chrono::nanoseconds took, bool worked) {
    const auto at = static_cast<std::size_t>(kind);
    calls[at].observe(took);
    if (!worked)
      add(failed[at]);
  }
};

/// Of the last audit whose result the database has, as last read.
struct audit_gauges {
  std::atomic<std::int64_t> began_at_ms{0}; // in ms since 1970; 0: none is known
  std::atomic<std::int64_t> breaches{0};    // that it found
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
  duration_histogram call_times;           // of calls and searches that were answered
  std::atomic<std::int64_t> backlog{0};    // messages without a final result, as last measured
  /// When the event of the oldest of them happened, in ms since 1970; 0: there is none.
  std::atomic<std::int64_t> backlog_oldest_ms{0};
  /// When the oldest event in an open claim happened, in ms since 1970; 0: nothing is open.
  std::atomic<std::int64_t> oldest_open_ms{0};
  /// Until when nothing is sent, as the API asked, in ms since 1970.
  std::atomic<std::int64_t> quiet_until_ms{0};
  /// Whether new messages go this way; of several providers, they go by one at a time.
  std::atomic<bool> takes_new{true};
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
  std::string provider; // where there are several; else empty
  std::shared_ptr<const delivery_counters> delivery;
  std::shared_ptr<const supervision_gauges> supervision;
};

/// The webhooks of this process, which come and go. Their keeper writes it. Any thread.
class webhook_board {
 public:
  struct numbers {
    std::shared_ptr<delivery_counters> delivery = std::make_shared<delivery_counters>();
    std::shared_ptr<supervision_gauges> supervision = std::make_shared<supervision_gauges>();
  };
  using by_subscriber = std::map<std::string, numbers>;

  void put(by_subscriber all) {
    const std::lock_guard lock{guard_};
    all_ = std::move(all);
  }
  by_subscriber all() const {
    const std::lock_guard lock{guard_};
    return all_;
  }
  std::atomic<std::uint64_t> paused{0};  // by this process, since they failed for too long
  std::atomic<std::int64_t> disabled{0}; // now

 private:
  mutable std::mutex guard_;
  by_subscriber all_;
};

/// All of a process.
struct payment_metrics {
  std::shared_ptr<const lane_counters> lanes;
  std::shared_ptr<const store_counters> store;
  std::shared_ptr<const registry_counters> registries;
  std::vector<subscriber_metrics> subscribers;
  health_report health; // at the moment it was asked for
  std::uint64_t webhooks_paused = 0;
  std::int64_t webhooks_disabled = 0;
  std::int64_t audit_began_at_ms = 0; // as audit_gauges have it
  std::int64_t audit_breaches = 0;
};

} // namespace paymentd::actors
