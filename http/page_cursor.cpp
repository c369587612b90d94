#include "http/page_cursor.hpp"

#include <array>
#include <cstdint>

namespace paymentd::http {

namespace {

// A cursor is the base64url text of: this byte, then subscriber, stream and number of each position
// as numbers of 7 bits a byte, the low ones first.
constexpr unsigned char version = 1;
// More than there can be streams, for some subscribers; a header would be too long before that.
constexpr std::size_t positions_max = 16'384;

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void append_number(std::string& out, std::int64_t number) {
  auto left = static_cast<std::uint64_t>(number);
  for (; left >= 0x80; left >>= 7)
    out += static_cast<char>(left | 0x80);
  out += static_cast<char>(left);
}

/// Takes a number from 1 to `max` off the front of `bytes`; 0 where there is none.
std::int64_t take_number(std::string_view& bytes, std::int64_t max) {
  std::uint64_t number = 0;
  for (int shift = 0; shift < 63 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80)
      return number <= static_cast<std::uint64_t>(max) ? static_cast<std::int64_t>(number) : 0;
  }
  return 0;
}

std::string to_base64url(std::string_view bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char each : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(each);
    for (count += 8; count >= 6; count -= 6)
      out += alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0)
    out += alphabet[bits << (6 - count) & 63];
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char each : text) {
    const auto value = alphabet.find(each);
    if (value == std::string_view::npos)
      return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return out;
}

} // namespace

std::string to_cursor(const std::vector<list_position>& positions) {
  std::string bytes(1, static_cast<char>(version));
  for (const list_position& each : positions) {
    append_number(bytes, each.subscriber.value);
    append_number(bytes, each.stream.value);
    append_number(bytes, each.below);
  }
  return to_base64url(bytes);
}

std::optional<std::vector<list_position>> from_cursor(std::string_view text) {
  const auto bytes = from_base64url(text);
  if (!bytes || bytes->size() < 2 || static_cast<unsigned char>(bytes->front()) != version)
    return std::nullopt;
  std::vector<list_position> positions;
  for (std::string_view left = std::string_view(*bytes).substr(1); !left.empty();) {
    list_position one;
    one.subscriber = {take_number(left, safe_integer_max)};
    one.stream = {take_number(left, stream_max)};
    one.below = take_number(left, std::int64_t{1} << stream_shift);
    if (one.subscriber.value == 0 || one.stream.value == 0 || one.below == 0 ||
        positions.size() == positions_max)
      return std::nullopt;
    positions.push_back(one);
  }
  if (to_cursor(positions) != text) // each cursor has one text only
    return std::nullopt;
  return positions;
}

} // namespace paymentd::http
