#include "http/events/event_token.hpp"

#include "http/token_bytes.hpp"
#include "net/digest.hpp"

#include <algorithm>

namespace paymentd::http {

namespace {

// A token is the base64url text of: this byte, then of each stream how much larger its id is than
// the one before, and its number.
constexpr char version = 1;

std::int64_t seen_in(const event_position& of, stream_id stream) {
  const auto at = std::ranges::lower_bound(of, stream, {}, &stream_position::stream);
  return at != of.end() && at->stream == stream ? at->seen : 0;
}

} // namespace

std::string to_token(const event_position& position) {
  std::string bytes(1, version);
  std::int64_t before = 0;
  for (const stream_position& each : position) {
    append_token_number(bytes, each.stream.value - before);
    append_token_number(bytes, each.seen);
    before = each.stream.value;
  }
  return net::base64url_text(bytes);
}

std::optional<event_position> from_token(std::string_view text) {
  const auto bytes = net::from_base64url(text);
  if (!bytes || bytes->empty() || bytes->front() != version)
    return std::nullopt;
  event_position position;
  std::int64_t before = 0;
  for (std::string_view left = std::string_view(*bytes).substr(1); !left.empty();) {
    const std::int64_t step = take_token_number(left, stream_max - before);
    const std::int64_t seen = take_token_number(left, (std::int64_t{1} << stream_shift) - 1);
    if (step == 0 || seen == 0)
      return std::nullopt;
    before += step;
    position.push_back({{before}, seen});
  }
  if (to_token(position) != text) // each position has one text only
    return std::nullopt;
  return position;
}

void advance(event_position& position, entry_id shown) {
  const stream_id stream = stream_of(shown);
  const auto at = std::ranges::lower_bound(position, stream, {}, &stream_position::stream);
  if (at != position.end() && at->stream == stream)
    at->seen = std::max(at->seen, number_of(shown));
  else
    position.insert(at, {stream, number_of(shown)});
}

bool covers(const event_position& position, const event_position& other) {
  return std::ranges::all_of(other, [&](const stream_position& each) {
    return seen_in(position, each.stream) >= each.seen;
  });
}

bool has_passed(const event_position& position, entry_id entry) {
  return seen_in(position, stream_of(entry)) >= number_of(entry);
}

event_position later_of(const event_position& one, const event_position& other) {
  event_position made = one;
  for (const stream_position& each : other)
    advance(made, make_entry_id(each.stream, each.seen));
  return made;
}

} // namespace paymentd::http
