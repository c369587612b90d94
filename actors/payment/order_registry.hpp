// The order registry: finds or starts the actor of an order and passes commands on to it. The
// number of order actors is bounded: an idle one, the one that has been idle for longest, is given
// to the next order instead of starting another. One shard of possibly several; it alone speaks for
// its orders.
#pragma once

#include "actors/payment/order_actor.hpp"
#include "actors/requests.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>

namespace paymentd::actors {

struct registry_counters {
  std::atomic<std::int64_t> resident{0};    // order actors alive now
  std::atomic<std::uint64_t> reassigned{0}; // times that an idle one was given to another order
};

struct order_registry_options {
  std::size_t idle_max = 1000;      // this many orders may stay in memory for nothing but memory
  std::size_t resident_max = 30000; // orders in memory; one more is answered `overloaded`
  std::shared_ptr<const order_actor_context> context;
  std::shared_ptr<registry_counters> counters = std::make_shared<registry_counters>();
};

struct order_registry_state {
  static inline const char* name = "order-registry";

  struct resident {
    caf::actor actor;
    std::uint64_t sent = 0; // commands on this order sent to it
    /// Its place in `idle`, where it has answered all that was sent.
    std::optional<std::list<order_id>::iterator> idle;
  };

  order_registry_options options;
  std::unordered_map<order_id, resident> residents;
  std::list<order_id> idle; // the one that has been idle for longest in front
};

caf::behavior order_registry(caf::stateful_actor<order_registry_state>* self,
                             order_registry_options options);

} // namespace paymentd::actors
