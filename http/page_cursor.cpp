#include "http/page_cursor.hpp"

#include "http/token_bytes.hpp"
#include "net/digest.hpp"

#include <cstdint>

namespace paymentd::http {

namespace {

// A cursor is the base64url text of: this byte, then subscriber, stream and number of each position
// as numbers of 7 bits a byte, the low ones first.
constexpr unsigned char version = 1;
// More than there can be streams, for some subscribers; a header would be too long before that.
constexpr std::size_t positions_max = 16'384;

} // namespace

std::string to_cursor(const std::vector<list_position>& positions) {
  std::string bytes(1, static_cast<char>(version));
  for (const list_position& each : positions) {
    append_token_number(bytes, each.subscriber.value);
    append_token_number(bytes, each.stream.value);
    append_token_number(bytes, each.below);
  }
  return net::base64url_text(bytes);
}

std::optional<std::vector<list_position>> from_cursor(std::string_view text) {
  const auto bytes = net::from_base64url(text);
  if (!bytes || bytes->size() < 2 || static_cast<unsigned char>(bytes->front()) != version)
    return std::nullopt;
  std::vector<list_position> positions;
  for (std::string_view left = std::string_view(*bytes).substr(1); !left.empty();) {
    list_position one;
    one.subscriber = {take_token_number(left, safe_integer_max)};
    one.stream = {take_token_number(left, stream_max)};
    one.below = take_token_number(left, std::int64_t{1} << stream_shift);
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
