// The trace that a request belongs to, as its client tells it in the field traceparent (W3C Trace
// Context, https://www.w3.org/TR/trace-context/): read here, continued in the log. Pure functions;
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd::http {

/// More of a traceparent field than its known version has: a later one may be longer.
inline constexpr std::size_t traceparent_kept_max = 256;

/// Points into the field.
struct trace_context {
  std::string_view trace_id;  // 32 hexadecimal digits
  std::string_view parent_id; // 16: the span that asked
};

/// The parts of a traceparent; nothing where it is not as the standard wants it. A version above 00
/// is read by the parts that it shares with 00.
std::optional<trace_context> parse_traceparent(std::string_view field);

/// A span's id made of `number`: 16 hexadecimal digits. Zero, which no span may have, becomes one.
std::string span_id_of(std::uint64_t number);

} // namespace paymentd::http
