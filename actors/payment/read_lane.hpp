// A read lane: gathers queries while its worker reads, and sends what has come as one batch as soon
// as the worker is back, as the settlement lane does with commands. An actor; nothing in it blocks.
#pragma once

#include "actors/batcher.hpp"
#include "actors/health.hpp"
#include "actors/requests.hpp"
#include "actors/store_worker.hpp"
#include "domain/backoff.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <functional>
#include <string>

namespace paymentd::actors {

struct read_lane_options {
  std::string name = "read lane";
  worker_of<db::read_store> worker;
  std::size_t batch_max = 256;     // queries in one read, at the most
  std::size_t pending_max = 20000; // queries that wait; one more is answered `overloaded`
  /// How long the store is left alone after it was unavailable twice in a row and more often; what
  /// is asked meanwhile is answered `database_unavailable` at once.
  backoff_options backoff{.min = std::chrono::milliseconds{20},
                          .max = std::chrono::milliseconds{1000}};
  std::function<double()> random; // uniform in [0, 1)
  /// A reader asks its database when it is first asked: until then nothing is known against it.
  std::shared_ptr<lane_health> health = std::make_shared<lane_health>(condition::ok);
};

struct read_lane_state {
  static inline const char* name = "read-lane";
  read_lane_options options;
  batcher<look_up> requests;
  int failures = 0;          // in a row
  steady_instant not_before; // the store is left alone until then
};

caf::behavior read_lane(caf::stateful_actor<read_lane_state>* self, read_lane_options options);

} // namespace paymentd::actors
