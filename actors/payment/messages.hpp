// Messages between the order registry and its order actors.
#pragma once

#include "actors/requests.hpp"

namespace paymentd::actors {

/// The order that an order actor stands for from now on, with the first command on it. Only an
/// actor that is idle is given another order.
struct assignment {
  order_id order;
  submit first;
};
/// From an order actor to the registry: nothing waits here. `handled` is how many commands on this
/// order it has answered; where the registry has sent more, one is on its way and it is not idle.
struct order_idle {
  order_id order;
  std::uint64_t handled = 0;
};

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::assignment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::order_idle)
