// All the messages that pass from the wing of payments to the wing of delivery: which stream a lane
// writes, for the stream keeper, and that the stream holds new payments or refunds, for the
// supervisors. The keeper tells the supervisors of streams by the same messages.
#pragma once

#include "domain/delivery.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

#include <optional>

namespace paymentd::actors {

/// A hint after a commit: the stream holds new payments or refunds. The ledger is the record; a
/// lost hint delays a message and loses none.
struct payment_success {
  stream_lease stream;
  entry_id last;
};

/// From a lane to the stream keeper: it writes to the stream from now on, or goes on under another
/// epoch. From the keeper to a subscriber: its messages of the stream are this process's to
/// deliver. Sent again for each renewal; under another epoch without a stream_lost before, it goes
/// on with what it has under way.
struct stream_held {
  stream_lease stream;
  /// By the actor system's clock: nothing is sent from then on, unless it is held on. Nothing: for
  /// as long as no stream_lost comes, where no other process can take the stream.
  std::optional<steady_instant> lease_until = std::nullopt;
};
/// From a lane: it no longer writes to the stream under this epoch. From the keeper: the stream is
/// no longer this process's to deliver.
struct stream_lost {
  stream_lease stream;
};

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::payment_success)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_held)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_lost)
