#include "http/json_text.hpp"

#include "domain/utf8.hpp"
#include "net/text_parts.hpp"

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace {

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

// ---- parts of net::append_parts -----------------------------------------------------------------

/// A JSON string; null where the text is empty. Most texts stand in JSON as they are.
class text_or_null {
 public:
  explicit text_or_null(std::string_view text) : text_(text) {
    if (text.empty())
      return;
    if (is_utf8(text) && net::is_plain(text))
      quoted_ = true;
    else
      append_quoted(written_, text);
  }

  friend std::size_t room_for(const text_or_null& of) {
    return std::max(of.text_.size() + 2, of.written_.size() + 4);
  }
  friend char* put(char* at, const text_or_null& of) {
    using net::put;
    if (of.quoted_)
      return put(put(put(at, "\""), of.text_), "\"");
    return of.written_.empty() ? put(at, "null") : put(at, std::string_view{of.written_});
  }

 private:
  std::string_view text_;
  std::string written_; // where it does not stand as it is
  bool quoted_ = false;
};

/// An id; null where there is none.
struct id_or_null {
  std::optional<std::int64_t> id;

  template <class Id>
  explicit id_or_null(const std::optional<Id>& of) {
    if (of)
      id = of->value;
  }
  friend std::size_t room_for(id_or_null) { return net::room_for(std::int64_t{}); }
  friend char* put(char* at, id_or_null of) {
    return of.id ? net::put(at, *of.id) : net::put(at, "null");
  }
};

/// An instant in quotes; null where there is none.
struct time_or_null {
  const std::optional<instant>& at;

  friend std::size_t room_for(time_or_null) { return net::utc_text_size + 2; }
  friend char* put(char* to, time_or_null of) {
    using net::put;
    return of.at ? put(put(put(to, "\""), *of.at), "\"") : put(to, "null");
  }
};

/// A client's notes: kept as they are written.
std::string_view metadata_or_none(std::string_view metadata) {
  return metadata.empty() ? "{}" : metadata;
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
  net::append_parts(out, "\"", at, "\"");
}

void append_member(std::string& out, std::string_view name_and_colon, std::int64_t value) {
  net::append_parts(out, name_and_colon, value);
}

void append_member(std::string& out, std::string_view name_and_colon, std::string_view text) {
  out += name_and_colon;
  append_quoted(out, text);
}

void append_member(std::string& out, std::string_view name_and_colon, instant at) {
  net::append_parts(out, name_and_colon, "\"", at, "\"");
}

// The names of statuses and kinds are plain upper-case words.

void append_json(std::string& out, const user& what) {
  net::append_parts(out, R"({"id":)", what.id.value,                    //
                    R"(,"reference":)", text_or_null{what.reference},   //
                    R"(,"phone":)", text_or_null{what.phone},           //
                    R"(,"balance":)", what.balance.value,               //
                    R"(,"metadata":)", metadata_or_none(what.metadata), //
                    R"(,"createdAt":")", what.created_at,               //
                    R"(","updatedAt":")", what.updated_at, R"("})");
}

void append_json(std::string& out, const order& what) {
  net::append_parts(out, R"({"id":)", what.id.value,                     //
                    R"(,"reference":)", text_or_null{what.reference},    //
                    R"(,"userId":)", what.owner.value,                   //
                    R"(,"couponId":)", id_or_null{what.coupon},          //
                    R"(,"totalAmount":)", what.total.value,              //
                    R"(,"discountAmount":)", what.discount.value,        //
                    R"(,"finalAmount":)", what.final_amount().value,     //
                    R"(,"refundedAmount":)", what.refunded.value,        //
                    R"(,"status":")", to_string(what.status),            //
                    R"(","metadata":)", metadata_or_none(what.metadata), //
                    R"(,"createdAt":")", what.created_at,                //
                    R"(","updatedAt":")", what.updated_at, R"("})");
}

void append_json(std::string& out, const ledger_entry& what) {
  net::append_parts(out, R"({"id":)", what.id.value,                   //
                    R"(,"userId":)", what.user.value,                  //
                    R"(,"sequence":)", what.sequence,                  //
                    R"(,"orderId":)", id_or_null{what.order},          //
                    R"(,"kind":")", to_string(what.kind),              //
                    R"(","amount":)", what.amount.value,               //
                    R"(,"balanceAfter":)", what.balance_after.value,   //
                    R"(,"reason":)", text_or_null{what.reason},        //
                    R"(,"createdBy":)", text_or_null{what.created_by}, //
                    R"(,"createdAt":")", what.created_at, R"("})");
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
  const std::string_view subscriber = what.subscriber;
  net::append_parts(out, R"({"id":")", subscriber, "-", what.entry.value,               //
                    R"(","entryId":)", what.entry.value,                                //
                    R"(,"orderId":)", what.order.value,                                 //
                    R"(,"subscriber":")", subscriber,                                   //
                    R"(","status":")", to_string(what.status),                          //
                    R"(","attempts":)", what.attempts,                                  //
                    R"(,"lastError":)", text_or_null{what.last_error},                  //
                    R"(,"providerMessageId":)", text_or_null{what.provider_message_id}, //
                    R"(,"nextAttemptAt":)", time_or_null{what.next_attempt},            //
                    R"(,"deliveredAt":)", time_or_null{what.delivered_at},              //
                    R"(,"channel":)", text_or_null{to_string(what.channel)},            //
                    R"(,"createdAt":")", what.created_at,                               //
                    R"(","updatedAt":")", what.updated_at, R"("})");
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
    net::append_parts(out, R"(,"outcome":")", to_string(each.outcome), R"(","detail":)");
    append_quoted(out, each.detail);
    out += '}';
  }
  out += "]}";
}

} // namespace paymentd::http
