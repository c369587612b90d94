// Retries asked for by hand: gathers them while the store that delivers is at work, has them made
// due in one transaction, answers, and tells who delivers. Requests for all FAILED ones are done
// one after the other, each by as many transactions as it takes, also where its client waits no
// more. An actor; nothing in it blocks.
#pragma once

#include "actors/batcher.hpp"
#include "actors/payment_success.hpp"
#include "actors/requests.hpp"
#include "actors/store_worker.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <deque>

namespace paymentd::actors {

struct retry_lane_options {
  worker_of<db::delivery_store> worker;
  supervisors_by_subscriber supervisors; // those of this process
  std::size_t batch_max = 100;           // in one transaction, at the most
  std::size_t pending_max = 1000;        // one more is answered `overloaded`
  std::size_t all_pending_max = 8;       // likewise, of requests for all FAILED ones
};

struct retry_lane_state {
  static inline const char* name = "retry-lane";
  retry_lane_options options;
  batcher<retry_delivery> requests;
  std::deque<retry_all_failed> all; // the first one is under way
};

caf::behavior retry_lane(caf::stateful_actor<retry_lane_state>* self, retry_lane_options options);

} // namespace paymentd::actors
