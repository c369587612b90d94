// All the messages that pass from the wing of payments to the wing of delivery: which stream a lane
// writes, for the stream keeper, and that the stream holds new payments or refunds, for the
// supervisors.
#pragma once

#include "domain/delivery.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

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

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::payment_success)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_left)
