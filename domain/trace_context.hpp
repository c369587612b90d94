// The trace of W3C Trace Context (https://www.w3.org/TR/trace-context-2/) that a client's request
// belongs to. It goes with the command to the ledger entry, and with the message to its provider.
// A plain value; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace paymentd {

/// In place rather than as a rare_text: a client that traces does so with each request, and its
/// payments are to cost no allocation either. The client's span is no part of it: each call has a
/// span of its own, and the request's line of the log names the client's.
struct trace_context {
  std::array<std::uint8_t, 16> id{}; // trace-id; all zero, as no trace has it: there is none
  std::uint8_t flags = 0;            // trace-flags, but for those that are reserved

  bool empty() const noexcept { return id == std::array<std::uint8_t, 16>{}; }
  friend bool operator==(const trace_context&, const trace_context&) = default;
};

/// The trace-flags that the standard knows: sampled, random-trace-id. Others have to become 0.
inline constexpr std::uint8_t known_trace_flags = 0x03;

/// The trace's id as fields and the log have it: 32 hexadecimal digits. Empty where there is none.
std::string trace_id_text(const trace_context& of);

/// A span's id made of `number`: 16 hexadecimal digits. Zero, which no span may have, becomes one.
std::string span_id_of(std::uint64_t number);

/// The field `traceparent` of a call that goes on with the trace, in a span of its own (see
/// span_id_of): "00-<trace-id>-<span>-<flags>". Precondition: there is a trace.
std::string traceparent_of(const trace_context& trace, std::uint64_t span);

/// As the stores keep it: 17 bytes, the id and then the flags. It is half of the text, and needs
/// one column rather than two. Empty where there is none. Points into `of`.
std::string_view bytes_of(const trace_context& of) noexcept;
/// Back from that; none where it is something else, by some hand.
trace_context trace_from_bytes(std::string_view bytes) noexcept;

} // namespace paymentd
