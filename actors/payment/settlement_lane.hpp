// A settlement lane: gathers commands while its worker is at the database, and sends what has come
// as one batch as soon as the worker is back. No batch waits for a timer, and nothing is tuned: a
// lone command leaves at once, a flood makes large batches. Payments and charges of one user meet
// in one lane, so they never wait for each other's row locks. An actor; nothing in it blocks.
#pragma once

#include "actors/batcher.hpp"
#include "actors/counters.hpp"
#include "actors/health.hpp"
#include "actors/requests.hpp"
#include "actors/store_worker.hpp"
#include "domain/backoff.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::actors {

struct settlement_lane_options {
  std::string name = "lane";
  worker_of<db::settlement_store> worker; // that no one else settles with
  std::vector<caf::actor> subscribers;    // who is told of committed payments
  caf::actor keeper;                      // who is told of the stream; may be null
  std::size_t batch_max = 512;            // commands in one transaction, at the most
  std::size_t pending_max = 20000;        // commands that wait; one more is answered `overloaded`
  /// How long the stream stays this lane's without a batch; an idle lane renews it in time.
  /// 0: for ever, where no other process can take it.
  std::chrono::milliseconds lease{0};
  backoff_options backoff{.min = std::chrono::milliseconds{20},
                          .max = std::chrono::milliseconds{1000},
                          .factor = 2.0,
                          .jitter = 0.2};              // between tries while the database is away
  std::function<double()> random = [] { return 0.0; }; // uniform in [0, 1), for the jitter
  std::shared_ptr<lane_counters> counters = std::make_shared<lane_counters>();
  /// Raised whenever the lane goes on under another epoch: see database_generation.
  std::shared_ptr<std::atomic<std::uint64_t>> generation =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  std::shared_ptr<lane_health> health = std::make_shared<lane_health>(condition::starting);
};

struct settlement_lane_state {
  static inline const char* name = "settlement-lane";

  /// The event that the lane waits for. Only in `ready` may it send the worker something.
  enum class phase : std::uint8_t {
    taking_stream, // a stream of its own, at the start and after it was fenced
    ready,         // nothing: commands leave at once
    settling,      // the outcomes of the batch
    gathering,     // its own message, behind the commands that its mailbox holds
    resolving,     // whether a commit in doubt had passed
    backing_off,   // the time of the next try
  };

  settlement_lane_options options;
  phase now = phase::taking_stream;
  phase after_backoff = phase::taking_stream;
  batcher<submit> commands;
  int failures = 0; // in a row
  bool database_away = false;
  bool expires = false; // a look through those who wait is on its way
  bool settled_since_renewal = false;
  steady_instant asked_at; // when the newest message left for the worker
  stream_lease stream;
};

caf::behavior settlement_lane(caf::stateful_actor<settlement_lane_state>* self,
                              settlement_lane_options options);

} // namespace paymentd::actors
