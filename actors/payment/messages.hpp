// The message from the order registry to its order actors.
#pragma once

#include "actors/requests.hpp"

namespace paymentd::actors {

/// The order that an order actor stands for from now on, with the first command on it. Only an
/// actor that is idle is given another order.
struct assignment {
  order_id order;
  submit first;
};

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::assignment)
