// The stream keeper: sees to it that every stream is delivered to every subscriber of this process,
// those that its own lanes write, and those that are left without a living deliverer. It has the
// store lease the deliveries, renews that from time to time, and tells the subscribers' supervisors
// what they hold. One a process. Nothing in it blocks.
#pragma once

#include "actors/payment_success.hpp"
#include "actors/store_worker.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <map>
#include <string>
#include <vector>

namespace paymentd::actors {

struct stream_keeper_options {
  worker_of<db::delivery_store> store;
  supervisors_by_subscriber supervisors;    // told of streams held and lost
  std::chrono::milliseconds lease{15000};   // 0: what is held stays so
  std::chrono::milliseconds interval{2000}; // between looks; well below the lease
  /// Between looks while something that its lanes write is not held yet, as before a subscriber is
  /// registered: doubled up to `interval`.
  std::chrono::milliseconds soon{50};
  int leases_max = 1024; // beside those of its lanes' streams; more wait, or another takes them
};

struct stream_keeper_state {
  static inline const char* name = "stream-keeper";
  stream_keeper_options options;
  std::map<stream_id, stream_lease> written; // by this process's lanes
  std::vector<delivery_lease> held;
  std::map<std::string, std::vector<stream_id>> told; // what was said to be delivered here, once
  bool asked = false;                                 // an answer of the store is on its way
  bool again = false;                                 // what was asked is out of date
  steady_instant asked_at;
  std::chrono::milliseconds wait{0}; // until the next look
  std::uint64_t alarm = 0;           // the number of the newest; those before it are void
};

/// Takes stream_written and stream_left from lanes, subscriber_begun and subscriber_ended.
caf::behavior stream_keeper(caf::stateful_actor<stream_keeper_state>* self,
                            stream_keeper_options options);

/// Until when the holder of a lease acts on it, by its own clock, when it asked for the lease at
/// `asked`: a part of the lease is left for clocks that do not run alike and for what is under way.
steady_instant lease_end(steady_instant asked, std::chrono::milliseconds lease);

} // namespace paymentd::actors
