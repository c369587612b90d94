#include "http/trace_context.hpp"

#include <algorithm>

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

} // namespace

std::optional<trace_context> parse_traceparent(std::string_view field) {
  constexpr std::size_t length = 55; // 00-<32>-<16>-<2>
  if (field.size() < length || field[2] != '-' || field[35] != '-' || field[52] != '-')
    return std::nullopt;
  const std::string_view version = field.substr(0, 2);
  const std::string_view flags = field.substr(53, 2);
  const trace_context parts{.trace_id = field.substr(3, 32), .parent_id = field.substr(36, 16)};
  if (!is_hex(version) || version == "ff" || !is_hex(parts.trace_id) || !is_hex(parts.parent_id) ||
      !is_hex(flags) || is_zero(parts.trace_id) || is_zero(parts.parent_id))
    return std::nullopt;
  const bool is_longer = field.size() > length;
  if (is_longer && (version == "00" || field[length] != '-'))
    return std::nullopt;
  return parts;
}

std::string span_id_of(std::uint64_t number) {
  std::string id;
  number = std::max<std::uint64_t>(number, 1);
  for (int shift = 60; shift >= 0; shift -= 4)
    id += digits[number >> shift & 15];
  return id;
}

} // namespace paymentd::http
