#include "providers/traceparent.hpp"

#include <openssl/rand.h>

#include <array>
#include <bit>
#include <cstdint>
#include <utility>

namespace paymentd::providers {

trace_context shared_trace(std::span<const recipient> messages) noexcept {
  trace_context shared;
  if (messages.empty() || messages.front().event.trace.empty())
    return shared;
  shared.id = messages.front().event.trace.id;
  for (const recipient& each : messages) {
    if (each.event.trace.id != shared.id)
      return {};
    shared.flags |= each.event.trace.flags;
  }
  return shared;
}

std::string new_traceparent(std::span<const recipient> messages) {
  const trace_context trace = shared_trace(messages);
  if (trace.empty())
    return {};
  std::array<std::uint8_t, sizeof(std::uint64_t)> span{};
  if (RAND_bytes(span.data(), span.size()) != 1)
    return {}; // a message is worth more than its trace
  return traceparent_of(trace, std::bit_cast<std::uint64_t>(span));
}

net::http_request with_traceparent(net::http_request to, std::span<const recipient> messages) {
  if (std::string field = new_traceparent(messages); !field.empty())
    to.headers.emplace_back("traceparent", std::move(field));
  return to;
}

} // namespace paymentd::providers
