// The order registry: finds or starts the actor of an order and passes commands on to it. The
// number of order actors is bounded: an idle one, of the order that was unused for longest, is
// given to the next order instead of starting another. One shard of possibly several; it alone
// speaks for its orders.
#pragma once

#include "actors/counters.hpp"
#include "actors/payment/order_actor.hpp"
#include "actors/requests.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <list>
#include <memory>
#include <unordered_map>

namespace paymentd::actors {

struct order_registry_options {
  std::size_t idle_max = 1000;      // with more in memory, an idle one gives way to the next
  std::size_t resident_max = 30000; // orders in memory; one more is answered `overloaded`
  std::shared_ptr<const order_actor_context> context;
  std::shared_ptr<registry_counters> counters = std::make_shared<registry_counters>();
};

struct order_registry_state {
  static inline const char* name = "order-registry";

  struct resident {
    caf::actor actor;
    std::shared_ptr<answered_count> answered;
    std::uint64_t sent = 0;                  // commands that were sent to it
    std::list<order_id>::iterator used = {}; // where it stands in `used`

    bool is_idle() const { return answered->load(std::memory_order_acquire) == sent; }
  };

  order_registry_options options;
  std::unordered_map<order_id, resident> residents;
  std::list<order_id> used; // those in memory, the one that was unused for longest in front
};

caf::behavior order_registry(caf::stateful_actor<order_registry_state>* self,
                             order_registry_options options);

} // namespace paymentd::actors
