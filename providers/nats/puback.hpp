// The meaning of JetStream's answers for delivery, in the port's classes of failure. No I/O and no
// clock. Pure functions; any thread.
#pragma once

#include "providers/provider.hpp"

#include <string_view>

namespace paymentd::nats {

/// The result of a call of one event from the answer to its publication: a PubAck, or an error, as
/// JSON (docs.nats.io, "JetStream wire API reference"). Only a PubAck of `stream` accepts it, one
/// of a duplicate too, which was stored before. An error says that nothing was stored this time.
providers::call_result puback_result(std::string_view answer, std::string_view stream);

/// Nobody takes the subject: there is no such stream, or no JetStream. Nothing was stored.
providers::failure no_stream();

/// No answer within the time. The event may have been stored, and where nothing else was, it is the
/// server that is out of order. `said`: by the server about this connection; may be empty.
providers::failure no_puback(std::string_view said);

/// The connection was lost while the answer was still to come: likewise.
providers::failure connection_lost(std::string_view why);

/// The event is larger than the server takes: not one byte of it was written.
providers::failure too_large(std::size_t bytes, std::size_t bytes_max);

} // namespace paymentd::nats
