#include "domain/trace_context.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace paymentd {
namespace {

constexpr std::size_t stored_bytes = 17;
// It is kept as it stands in memory.
static_assert(sizeof(trace_context) == stored_bytes &&
              std::has_unique_object_representations_v<trace_context>);

void append_hex(std::string& to, std::uint8_t byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  to += digits[byte >> 4];
  to += digits[byte & 15];
}

} // namespace

std::string trace_id_text(const trace_context& of) {
  std::string text;
  if (of.empty())
    return text;
  text.reserve(2 * of.id.size());
  for (const std::uint8_t each : of.id)
    append_hex(text, each);
  return text;
}

std::string span_id_of(std::uint64_t number) {
  number = std::max<std::uint64_t>(number, 1);
  std::string id;
  for (int shift = 56; shift >= 0; shift -= 8)
    append_hex(id, static_cast<std::uint8_t>(number >> shift & 0xff));
  return id;
}

std::string traceparent_of(const trace_context& trace, std::uint64_t span) {
  constexpr std::size_t length = 55;
  std::string text;
  text.reserve(length);
  text.append("00-").append(trace_id_text(trace)).append("-").append(span_id_of(span)).append("-");
  append_hex(text, trace.flags);
  return text;
}

std::string_view bytes_of(const trace_context& of) noexcept {
  if (of.empty())
    return {};
  return {reinterpret_cast<const char*>(&of), stored_bytes};
}

trace_context trace_from_bytes(std::string_view bytes) noexcept {
  trace_context read;
  if (bytes.size() != stored_bytes)
    return read;
  std::memcpy(&read, bytes.data(), stored_bytes);
  read.flags &= known_trace_flags;
  return read.empty() ? trace_context{} : read;
}

} // namespace paymentd
