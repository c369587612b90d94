#include "http/trace_context.hpp"

#include <cstdint>

namespace paymentd::http {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

/// Lower case alone (3.2.2).
bool is_hex(std::string_view text) {
  return text.find_first_not_of(digits) == text.npos;
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == text.npos;
}

std::uint8_t value_of(char digit) {
  return static_cast<std::uint8_t>(digits.find(digit));
}

/// Of two digits.
std::uint8_t byte_of(std::string_view pair) {
  return static_cast<std::uint8_t>(value_of(pair[0]) << 4 | value_of(pair[1]));
}

} // namespace

std::optional<traceparent_parts> parse_traceparent(std::string_view field) {
  constexpr std::size_t length = 55; // 00-<32>-<16>-<2>
  if (field.size() < length || field[2] != '-' || field[35] != '-' || field[52] != '-')
    return std::nullopt;
  const std::string_view version = field.substr(0, 2);
  const traceparent_parts parts{.trace_id = field.substr(3, 32),
                                .parent_id = field.substr(36, 16),
                                .flags = field.substr(53, 2)};
  if (!is_hex(version) || version == "ff" || !is_hex(parts.trace_id) || !is_hex(parts.parent_id) ||
      !is_hex(parts.flags) || is_zero(parts.trace_id) || is_zero(parts.parent_id))
    return std::nullopt;
  const bool is_longer = field.size() > length;
  if (is_longer && (version == "00" || field[length] != '-'))
    return std::nullopt;
  return parts;
}

trace_context trace_of(std::string_view field) {
  trace_context trace;
  if (field.empty())
    return trace;
  const auto parts = parse_traceparent(field);
  if (!parts)
    return trace;
  for (std::size_t i = 0; i < trace.id.size(); ++i)
    trace.id[i] = byte_of(parts->trace_id.substr(2 * i, 2));
  trace.flags = byte_of(parts->flags) & known_trace_flags;
  return trace;
}

} // namespace paymentd::http
