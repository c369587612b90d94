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

void append_quoted(std::string& out, std::string_view text) {
  static constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
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
  out += R"(,"phone":)";
  append_quoted(out, what.phone);
  append_member(out, R"(,"balance":)", what.balance.value);
  out += R"(,"createdAt":)";
  append_time(out, what.created_at);
  out += '}';
}

void append_json(std::string& out, const order& what) {
  append_member(out, R"({"id":)", what.id.value);
  append_member(out, R"(,"userId":)", what.owner.value);
  append_optional(out, R"(,"couponId":)", what.coupon);
  append_member(out, R"(,"totalAmount":)", what.total.value);
  append_member(out, R"(,"discountAmount":)", what.discount.value);
  append_member(out, R"(,"finalAmount":)", what.final_amount().value);
  append_word(out, R"(,"status":)", to_string(what.status));
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
  out += R"(,"createdAt":)";
  append_time(out, what.created_at);
  out += '}';
}

std::string_view to_string(db::delivery_status of) noexcept {
  static constexpr std::array<std::string_view, 3> names{"PENDING", "DELIVERED", "FAILED"};
  return names[static_cast<std::size_t>(of)];
}

void append_json(std::string& out, const db::delivery& what) {
  const auto text_or_null = [&out](std::string_view name_and_colon, std::string_view text) {
    out += name_and_colon;
    if (text.empty())
      out += "null";
    else
      append_quoted(out, text);
  };
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
  text_or_null(R"(,"lastError":)", what.last_error);
  text_or_null(R"(,"providerMessageId":)", what.provider_message_id);
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
  out += R"(,"createdAt":)";
  append_time(out, what.created_at);
  out += R"(,"updatedAt":)";
  append_time(out, what.updated_at);
  out += '}';
}

} // namespace paymentd::http
