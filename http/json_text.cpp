#include "http/json_text.hpp"

#include <array>
#include <charconv>

namespace paymentd::http {

namespace {

void append_padded(char* to, unsigned value, int width) {
  for (int at = width; at-- > 0; value /= 10)
    to[at] = static_cast<char>('0' + value % 10);
}

void append_member(std::string& out, std::string_view name_and_colon, std::int64_t value) {
  out += name_and_colon;
  append_integer(out, value);
}

template <class Id>
void append_optional(std::string& out, std::string_view name_and_colon, std::optional<Id> id) {
  out += name_and_colon;
  if (id)
    append_integer(out, id->value);
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

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

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
  static constexpr std::string_view hex = "0123456789abcdef";
  static constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD
  out += '"';
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      const std::size_t length = sequence_length(text.substr(at));
      out += length == 0 ? replacement : text.substr(at, length);
      at += length == 0 ? 0 : length - 1;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string quoted_echo(std::string_view text) {
  std::string out;
  append_quoted(out, echoed(text));
  return out;
}

void append_time(std::string& out, instant at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const auto in_day = static_cast<unsigned>((at - day).count());
  char text[] = "\"0000-00-00T00:00:00.000Z\"";
  append_padded(text + 1, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  append_padded(text + 6, static_cast<unsigned>(date.month()), 2);
  append_padded(text + 9, static_cast<unsigned>(date.day()), 2);
  append_padded(text + 12, in_day / 3'600'000, 2);
  append_padded(text + 15, in_day / 60'000 % 60, 2);
  append_padded(text + 18, in_day / 1000 % 60, 2);
  append_padded(text + 21, in_day % 1000, 3);
  out.append(text, sizeof text - 1);
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
  append_integer(out, what.entry.value);
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
