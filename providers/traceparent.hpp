// The field `traceparent` (W3C Trace Context) of a call: the trace of the requests that its
// messages are about, in a span of the call's own. Used by every provider that calls somebody. Any
// thread.
#pragma once

#include "net/http_client.hpp"
#include "providers/provider.hpp"

#include <span>
#include <string>

namespace paymentd::providers {

/// The trace that all these messages share; none where two of them differ. A field names one
/// parent, and OpenTelemetry has none for a batch of several traces, but links, which no field can
/// carry (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).
/// Of several requests of one trace it has all flags.
trace_context shared_trace(std::span<const recipient> messages) noexcept;

/// The field of one request about these messages, with a new span by chance each time; empty where
/// they share no trace.
std::string new_traceparent(std::span<const recipient> messages);

/// Adds the field to a request, where there is one.
net::http_request with_traceparent(net::http_request to, std::span<const recipient> messages);

} // namespace paymentd::providers
