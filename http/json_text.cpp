#include "http/json_text.hpp"

#include "domain/utf8.hpp"
#include "net/utc_text.hpp"

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace {

template <class Value>
void append_optional(std::string& out, std::string_view name_and_colon,
                     const std::optional<Value>& value) {
  if (!value)
    out.append(name_and_colon).append("null");
  else if constexpr (std::is_same_v<Value, instant>)
    append_member(out, name_and_colon, *value);
  else
    append_member(out, name_and_colon, value->value); // of an id
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

/// With U+FFFD for each byte that belongs to no character.
std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    out += length == 0 ? "\xEF\xBF\xBD" : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

} // namespace

std::string echoed(std::string_view text) {
  constexpr std::size_t bytes_max = 64;
  return std::string{cut_between_characters(text, bytes_max)} +
         (text.size() > bytes_max ? "..." : "");
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

void append_member(std::string& out, std::string_view name_and_colon, std::int64_t value) {
  out += name_and_colon;
  append_number(out, value);
}

void append_member(std::string& out, std::string_view name_and_colon, std::string_view text) {
  out += name_and_colon;
  append_quoted(out, text);
}

void append_member(std::string& out, std::string_view name_and_colon, instant at) {
  out += name_and_colon;
  append_time(out, at);
}

void append_json(std::string& out, const user& what) {
  append_member(out, R"({"id":)", what.id.value);
  append_text_or_null(out, R"(,"reference":)", what.reference);
  append_text_or_null(out, R"(,"phone":)", what.phone);
  append_member(out, R"(,"balance":)", what.balance.value);
  append_metadata(out, what.metadata);
  append_member(out, R"(,"createdAt":)", what.created_at);
  append_member(out, R"(,"updatedAt":)", what.updated_at);
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
  append_member(out, R"(,"createdAt":)", what.created_at);
  append_member(out, R"(,"updatedAt":)", what.updated_at);
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
  append_member(out, R"(,"createdAt":)", what.created_at);
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

std::string_view to_string(try_outcome of) {
  static constexpr std::array<std::string_view, 6> names{"PERMANENT", "TRANSIENT", "THROTTLED",
                                                         "OUTAGE",    "UNKNOWN",   "UNDELIVERED"};
  return names[static_cast<std::size_t>(of) - 1];
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
  append_optional(out, R"(,"nextAttemptAt":)", what.next_attempt);
  append_optional(out, R"(,"deliveredAt":)", what.delivered_at);
  append_text_or_null(out, R"(,"channel":)", to_string(what.channel));
  append_member(out, R"(,"createdAt":)", what.created_at);
  append_member(out, R"(,"updatedAt":)", what.updated_at);
  out += '}';
}

void append_json_with_tries(std::string& out, const delivery& what) {
  append_json(out, what);
  out.back() = ','; // the object goes on
  out += R"("tries":[)";
  for (const delivery_try& each : what.tries) {
    if (&each != &what.tries.front())
      out += ',';
    append_member(out, R"({"at":)", each.at);
    append_member(out, R"(,"tookMs":)", each.took.count());
    append_word(out, R"(,"outcome":)", to_string(each.outcome));
    append_member(out, R"(,"detail":)", each.detail);
    out += '}';
  }
  out += "]}";
}

} // namespace paymentd::http
