// All the messages that pass between the wings of payments and of delivery: which stream a lane
// writes, for the stream keeper; that the stream holds new payments or refunds, for the
// supervisors; and which supervisors come and go.
#pragma once

#include "domain/delivery.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <map>
#include <string>

namespace paymentd::actors {

/// A hint after a commit: the stream holds new payments or refunds. The ledger is the record; a
/// lost hint delays a message and loses none.
struct payment_success {
  stream_lease stream;
  entry_id last;
};

/// The lane writes to the stream from now on, or goes on under another epoch.
struct stream_written {
  stream_lease stream;
};
/// The lane no longer writes to the stream under this epoch.
struct stream_left {
  stream_lease stream;
};

/// From the webhook keeper to all that send something to supervisors: this process delivers to a
/// subscriber from now on, or no longer.
struct subscriber_begun {
  std::string name;
  caf::actor supervisor;
};
struct subscriber_ended {
  std::string name;
  caf::actor supervisor;
};

/// By subscriber; one has several where it has several providers.
using supervisors_by_subscriber = std::multimap<std::string, caf::actor>;

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::payment_success)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_left)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::subscriber_begun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::subscriber_ended)
