// Delivers to one subscriber: claims messages from the ledger, sends them in batches, and stores
// what became of them. It dies of an API that does not work, and its successor goes on from what
// stands in the database; so run it under a supervisor (notification_supervisor.hpp). Everything
// that it remembers is bounded, and nothing in it blocks.
#pragma once

#include "actors/clock.hpp"
#include "actors/counters.hpp"
#include "actors/delivery/delivery_policy.hpp"
#include "actors/delivery/provider_chain.hpp"
#include "actors/delivery/step_pace.hpp"
#include "actors/payment_success.hpp"
#include "actors/store_worker.hpp"
#include "providers/provider.hpp"

#include <caf/actor_addr.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace paymentd::actors {

struct notification_options {
  std::string subscriber = "alimtalk"; // its name
  bool wants_payments = true;
  bool wants_refunds = false;
  bool registers = true; // false: it is registered, and must not be again once it is deleted
  worker_of<db::delivery_store> store;
  std::shared_ptr<providers::provider> provider; // can_search and key_window are asked of it
  caf::actor_addr supervisor;                    // is sent child_succeeded; may be nobody
  /// Where the subscriber has several providers, each with an actor of its own: their chain, and
  /// the place of this one in it.
  std::shared_ptr<provider_chain> chain = nullptr;
  std::size_t place = 0;

  delivery_policy policy;
  int in_flight_max = 8;           // calls at a time, over all streams; claims that take a slot
  int parked_max = 64;             // with so many claims waiting for a time, no new ones are opened
  int messages_max = 1000;         // in a call; the provider's own limit holds too
  int probe_messages = 1;          // in the first call after a start
  int messages_per_second_max = 0; // 0: as fast as it goes
  /// After a step, so long until the stream's next one: what comes meanwhile goes in one. A lone
  /// message still leaves at once. 0: the next step leaves as soon as there is a reason for it.
  std::chrono::milliseconds linger{0};
  std::shared_ptr<step_pace> pace;                 // of its steps, shared with others; may be null
  std::chrono::milliseconds poll{1000};            // in case a hint was lost
  std::chrono::milliseconds closing_max{5000};     // for calls under way, before it ends
  std::chrono::milliseconds probe_patience{30000}; // claims in doubt for longer are passed by
  /// Before its first success it makes one call at a time. So long after a call that has no answer
  /// yet it makes another one, and the next after twice that time. 0: it waits for the answer.
  std::chrono::milliseconds probe_spacing{0};
  std::chrono::milliseconds retention{0};      // of what is DELIVERED; 0: kept for ever
  std::chrono::milliseconds prune_pause{100};  // between two steps of pruning
  std::chrono::milliseconds prune_rest{60000}; // before it begins, and once all is pruned
  backoff_options store_backoff{.min = std::chrono::milliseconds{50},
                                .max = std::chrono::milliseconds{2000},
                                .factor = 2.0,
                                .jitter = 0.2}; // between tries while the database is away
  wall_clock now = system_wall_clock;
  std::function<double()> random = [] { return 0.0; }; // uniform in [0, 1), for the jitter
  std::shared_ptr<delivery_counters> counters = std::make_shared<delivery_counters>();
};

/// From the stream keeper: the subscriber's messages of the stream are this process's to deliver.
/// Sent again for each renewal; under another epoch without a stream_lost before, it goes on with
/// what it has under way.
struct stream_held {
  stream_lease stream;
  /// By the actor system's clock: nothing is sent from then on, unless it is held on. Nothing: for
  /// as long as no stream_lost comes, where no other process can take the stream.
  std::optional<steady_instant> lease_until = std::nullopt;
};
/// From the stream keeper: the stream is no longer this process's to deliver.
struct stream_lost {
  stream_lease stream;
};

/// A hint: deliveries of the stream were made due by hand. A lost one costs a second.
struct retries_due {
  stream_id stream;
};

/// Asks it to begin nothing new, to wait for what is under way, and to store it. It (or, where it
/// is down, an error) answers once that is done; it does nothing more then.
struct finish_deliveries {};
struct deliveries_finished {};

class deliverer;

struct notification_state {
  static inline const char* name = "notification-actor";
  notification_state();
  notification_state(const notification_state&) = delete;
  notification_state& operator=(const notification_state&) = delete;
  ~notification_state();
  std::unique_ptr<deliverer> it;
};

/// Takes stream_held, stream_lost, payment_success, retries_due and finish_deliveries.
caf::behavior notification_actor(caf::stateful_actor<notification_state>* self,
                                 notification_options options);

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_held)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::retries_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::finish_deliveries)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::deliveries_finished)
