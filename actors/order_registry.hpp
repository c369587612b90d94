// The order registry: finds or starts the actor of an order and passes commands on to it. Keeps the
// number of resident order actors bounded: the least recently used one is asked to leave, by a
// hand-shake that loses no command. One shard of possibly several; it alone speaks for its orders.
#pragma once

#include "actors/messages.hpp"
#include "actors/order_actor.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <atomic>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

namespace paymentd::actors {

struct registry_counters {
  std::atomic<std::int64_t> resident{0}; // order actors alive now
  std::atomic<std::uint64_t> started{0};
  std::atomic<std::uint64_t> retired{0};
};

struct order_registry_options {
  std::size_t idle_max = 1000;      // above this many residents, idle ones are asked to leave
  std::size_t resident_max = 30000; // orders with an actor; one more is answered `overloaded`
  std::shared_ptr<const order_actor_context> context;
  std::shared_ptr<registry_counters> counters = std::make_shared<registry_counters>();
};

struct order_registry_state {
  static inline const char* name = "order-registry";

  struct resident {
    caf::actor actor;
    std::uint64_t sent = 0;            // commands ever sent to it
    bool retiring = false;             // asked to leave, not answered yet
    std::vector<submit> held;          // what came while it was retiring
    std::list<order_id>::iterator age; // its place in by_age
  };

  order_registry_options options;
  std::unordered_map<order_id, resident> residents;
  std::list<order_id> by_age; // the least recently used in front
  std::size_t retiring = 0;
};

caf::behavior order_registry(caf::stateful_actor<order_registry_state>* self,
                             order_registry_options options);

} // namespace paymentd::actors
