#include "http/json_text.hpp"

#include "net/utc_text.hpp"

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace {

void append_member(std::string& out, std::string_view name_and_colon, std::int64_t value) {
  out += name_and_colon;
  append_number(out, value);
}

template <class Id>
void append_optional(std::string& out, std::string_view name_and_colon, std::optional<Id> id) {
  out += name_and_colon;
  if (id)
    append_number(out, id->value);
  else
    out += "null";
}

void append_text_or_null(std::string& out, std::string_view name_and_colon, std::string_view text) {
  out += name_and_colon;
  if (text.empty())
    out += "null";
  else
    append_quoted(out, text);
}

// Kept as it is written.
void append_metadata(std::string& out, std::string_view metadata) {
  out += R"(,"metadata":)";
  out += metadata.empty() ? "{}" : metadata;
}

// The names of statuses and kinds are plain upper-case words.
void append_word(std::string& out, std::string_view name_and_colon, std::string_view word) {
  out += name_and_colon;
  out += '"';
  out += word;
  out += '"';
}

} // namespace

namespace {

/// How many bytes the UTF-8 sequence at the begin of `text` has; 0 where it is none (RFC 3629, 4).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0xC2   ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || text.size() < length)
    return 0;
  for (std::size_t at = 1; at < length; ++at)
    if ((byte(at) & 0xC0) != 0x80)
      return 0;
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool too_large = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const bool ascii = static_cast<unsigned char>(text[at]) < 0x80;
    const std::size_t length = ascii ? 1 : sequence_length(text.substr(at));
    if (length == 0)
      return false;
    at += length;
  }
  return true;
}

/// With U+FFFD for each byte that belongs to no character.
std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool ascii = static_cast<unsigned char>(text.front()) < 0x80;
    const std::size_t length = ascii ? 1 : sequence_length(text);
    out += length == 0 ? "\xEF\xBF\xBD" : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

} // namespace

std::string echoed(std::string_view text) {
  constexpr std::size_t bytes_max = 64;
  if (text.size() <= bytes_max)
    return std::string{text};
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return std::string{text.substr(0, end)} + "...";
}

void append_quoted(std::string& out, std::string_view text) {
  if (is_utf8(text))
    net::append_json_string(out, text);
  else
    net::append_json_string(out, repaired(text));
}

std::string quoted_echo(std::string_view text) {
  std::string out;
  append_quoted(out, echoed(text));
  return out;
}

void append_time(std::string& out, instant at) {
  out += '"';
  net::append_utc(out, at);
  out += '"';
}

void append_json(std::string& out, const user& what) {
  append_member(out, R"({"id":)", what.id.value);
  append_text_or_null(out, R"(,"reference":)", what.reference);
  append_text_or_null(out, R"(,"phone":)", what.phone);
  append_member(out, R"(,"balance":)", what.balance.value);
  append_metadata(out, what.metadata);
  out += R"(,"createdAt":)";
  append_time(out, what.created_at);
  out += R"(,"updatedAt":)";
  append_time(out, what.updated_at);
  out += '}';
}

void append_json(std::string& out, const order& what) {
  append_member(out, R"({"id":)", what.id.value);
  append_text_or_null(out, R"(,"reference":)", what.reference);
  append_member(out, R"(,"userId":)", what.owner.value);
  append_optional(out, R"(,"couponId":)", what.coupon);
  append_member(out, R"(,"totalAmount":)", what.total.value);
  append_member(out, R"(,"discountAmount":)", what.discount.value);
  append_member(out, R"(,"finalAmount":)", what.final_amount().value);
  append_member(out, R"(,"refundedAmount":)", what.refunded.value);
  append_word(out, R"(,"status":)", to_string(what.status));
  append_metadata(out, what.metadata);
  out += R"(,"createdAt":)";
  append_time(out, what.created_at);
  out += R"(,"updatedAt":)";
  append_time(out, what.updated_at);
  out += '}';
}

void append_json(std::string& out, const ledger_entry& what) {
  append_member(out, R"({"id":)", what.id.value);
  append_member(out, R"(,"userId":)", what.user.value);
  append_member(out, R"(,"sequence":)", what.sequence);
  append_optional(out, R"(,"orderId":)", what.order);
  append_word(out, R"(,"kind":)", to_string(what.kind));
  append_member(out, R"(,"amount":)", what.amount.value);
  append_member(out, R"(,"balanceAfter":)", what.balance_after.value);
  append_text_or_null(out, R"(,"reason":)", what.reason);
  append_text_or_null(out, R"(,"createdBy":)", what.created_by);
  out += R"(,"createdAt":)";
  append_time(out, what.created_at);
  out += '}';
}

std::string_view to_string(delivery_status of) noexcept {
  static constexpr std::array<std::string_view, 3> names{"PENDING", "DELIVERED", "FAILED"};
  return names[static_cast<std::size_t>(of)];
}

std::string_view to_string(std::optional<message_channel> of) {
  if (!of)
    return {};
  return *of == message_channel::sms ? "SMS" : "ALIMTALK";
}

void append_json(std::string& out, const delivery& what) {
  // A subscriber's name is of letters, digits, dashes and underscores.
  out += R"({"id":")";
  out += what.subscriber;
  out += '-';
  append_number(out, what.entry.value);
  append_member(out, R"(","entryId":)", what.entry.value);
  append_member(out, R"(,"orderId":)", what.order.value);
  append_word(out, R"(,"subscriber":)", what.subscriber);
  append_word(out, R"(,"status":)", to_string(what.status));
  append_member(out, R"(,"attempts":)", what.attempts);
  append_text_or_null(out, R"(,"lastError":)", what.last_error);
  append_text_or_null(out, R"(,"providerMessageId":)", what.provider_message_id);
  out += R"(,"nextAttemptAt":)";
  if (what.next_attempt)
    append_time(out, *what.next_attempt);
  else
    out += "null";
  out += R"(,"deliveredAt":)";
  if (what.delivered_at)
    append_time(out, *what.delivered_at);
  else
    out += "null";
  append_text_or_null(out, R"(,"channel":)", to_string(what.channel));
  out += R"(,"createdAt":)";
  append_time(out, what.created_at);
  out += R"(,"updatedAt":)";
  append_time(out, what.updated_at);
  out += '}';
}

} // namespace paymentd::http
