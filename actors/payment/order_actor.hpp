// The order actor: all commands on one order go through it, one after the other, so a second
// payment that arrives while the first is being settled waits for its end. From memory it answers
// only what no other process can change. Started by the order registry, which gives an idle one to
// another order.
#pragma once

#include "actors/requests.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace paymentd::actors {

/// Which database the lanes are at: raised whenever a lane goes on under another epoch, since
/// behind a new connection may stand a server that lacks the last commits. All that was learned
/// before may be untrue then. Any thread.
using database_generation = std::atomic<std::uint64_t>;

/// State that all order actors share; it outlives them.
struct order_actor_context {
  std::vector<caf::actor> lanes;   // by user id
  std::vector<caf::actor> readers; // by order id
  std::size_t waiters_max = 1000;  // commands that wait at one order; one more is `overloaded`
  std::shared_ptr<database_generation> generation = std::make_shared<database_generation>(0);
};

/// How many commands an order actor has answered. The actor raises it, the registry reads it: where
/// it has sent as many, nothing waits there.
using answered_count = std::atomic<std::uint64_t>;

/// From the registry: the order that the actor stands for from now on, with the first command on
/// it. Only an actor that is idle is given another order.
struct assignment {
  order_id order;
  submit first;
};

struct order_actor_state {
  static inline const char* name = "order";
  std::shared_ptr<const order_actor_context> context;
  std::shared_ptr<answered_count> answered;
  std::uint64_t request = 0; // the number of the latest question to a lane or a reader

  // Of the order that it stands for now:
  order_id id;
  std::deque<submit> waiting; // in front the one being settled, where `busy`
  bool busy = false;
  std::optional<user_id> owner; // once known; it never changes
  /// The order's latest known status, once it is one that is never payable again.
  std::optional<order_status> final_status;
  std::uint64_t asked_under = 0;   // the database's generation at the latest question
  std::uint64_t learned_under = 0; // and where owner and status were learned; later it is forgotten
};

/// Takes assignment and submit; each command is answered by one `settled`.
caf::behavior order_actor(caf::stateful_actor<order_actor_state>* self,
                          std::shared_ptr<answered_count> answered,
                          std::shared_ptr<const order_actor_context> context);

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::assignment)
