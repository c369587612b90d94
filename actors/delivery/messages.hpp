// Messages between the actors of delivery.
#pragma once

#include "domain/types.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

namespace paymentd::actors {

/// A hint to whoever delivers: deliveries of the stream were made due by hand. A lost one costs a
/// second.
struct retries_due {
  stream_id stream;
};

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::retries_due)
