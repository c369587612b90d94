// The supervisor of one subscriber's notification actor: its handle is who is told of payments and
// of streams held and lost, whether a notification actor lives at the moment or not.
#pragma once

#include "actors/delivery/backoff_supervisor.hpp"
#include "actors/delivery/notification_actor.hpp"

namespace paymentd::actors {

struct notification_supervisor_options {
  notification_options delivery; // its `supervisor` is set here
  backoff_options restart{.min = std::chrono::milliseconds{200},
                          .max = std::chrono::milliseconds{30000},
                          .factor = 2.0,
                          .jitter = 0.2};
  /// With the delays above, an outage of about two minutes is said to be one; then a start is tried
  /// at the longest delay until one succeeds.
  int restarts_max = 10;
  std::chrono::milliseconds window{600000};
  /// How often the provider is asked what became of what it accepted, where it can tell.
  std::chrono::milliseconds results_poll{60000};
  std::chrono::milliseconds results_lease{65000}; // above the time that it takes for an answer
  std::shared_ptr<supervision_gauges> gauges = std::make_shared<supervision_gauges>();
};

/// Takes stream_held, stream_lost, payment_success, retries_due and finish_deliveries for the
/// actor, get_supervisor_status for itself.
caf::behavior notification_supervisor(caf::stateful_actor<backoff_supervisor_state>* self,
                                      notification_supervisor_options options);

} // namespace paymentd::actors
