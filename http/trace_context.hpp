// The trace that a request belongs to, as its client tells it in the field traceparent (W3C Trace
// Context, https://www.w3.org/TR/trace-context/): read here, continued in the log and in the
// command (domain/trace_context.hpp). Pure functions; any thread.
#pragma once

#include "domain/trace_context.hpp"

#include <optional>
#include <string_view>

namespace paymentd::http {

/// More of a traceparent field than its known version has: a later one may be longer.
inline constexpr std::size_t traceparent_kept_max = 256;

/// Points into the field.
struct traceparent_parts {
  std::string_view trace_id;  // 32 hexadecimal digits
  std::string_view parent_id; // 16: the span that asked
  std::string_view flags;     // 2
};

/// The parts of a traceparent; nothing where it is not as the standard wants it. A version above 00
/// is read by the parts that it shares with 00.
std::optional<traceparent_parts> parse_traceparent(std::string_view field);

/// The trace of a traceparent, to be continued; none where `parse_traceparent` gives nothing.
trace_context trace_of(std::string_view field);

} // namespace paymentd::http
