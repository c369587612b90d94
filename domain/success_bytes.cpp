#include "domain/success_bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace paymentd {

namespace {

constexpr char user_mark = 'U';
constexpr char order_mark = 'O';
constexpr char entry_mark = 'E';
constexpr char noted_mark = 'N';
constexpr char delivery_mark = 'T';
constexpr char count_mark = 'C';
constexpr char webhook_mark = 'W';
constexpr char webhook_done_mark = 'w';
// Of those without reference, metadata, updated_at of a user, and created_by.
constexpr char plain_user_mark = 'u';
constexpr char plain_order_mark = 'o';
constexpr char plain_entry_mark = 'e';
// Of one without tries, which most have.
constexpr char plain_delivery_mark = 'D';
constexpr unsigned byte_bits = 7; // of a number in a byte; the eighth says that there are more

// Sums of amounts and the writing of times rely on these bounds, which damaged bytes may
// pass.
constexpr instant instant_min{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
constexpr instant instant_end{std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1}};
constexpr order_status last_of(order_status) {
  return order_status::refunded;
}
constexpr entry_kind last_of(entry_kind) {
  return entry_kind::withdrawal;
}
constexpr delivery_status last_of(delivery_status) {
  return delivery_status::failed;
}
constexpr message_channel last_of(message_channel) {
  return message_channel::sms;
}
constexpr try_outcome last_of(try_outcome) {
  return try_outcome::undelivered;
}

/// Whether it can be a subscriber's, which stands in answers as it is.
bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

template <class Fields, class Try>
void each_field_of_try(Fields& to, Try& of) {
  to.field(of.at);
  to.field(of.took);
  to.field(of.outcome);
  to.field(of.detail);
}

/// Appends fields: numbers in 7 bits a byte, lowest first, with the sign in the lowest bit.
class writer {
 public:
  explicit writer(char mark) : bytes_(1, mark) {}

  void field(std::int64_t value) {
    const auto unsigned_value = static_cast<std::uint64_t>(value);
    std::uint64_t left = unsigned_value << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0);
    for (; left >> byte_bits != 0; left >>= byte_bits)
      bytes_ += static_cast<char>((left & 127) | 128);
    bytes_ += static_cast<char>(left);
  }
  void field(std::string_view text) {
    field(static_cast<std::int64_t>(text.size()));
    bytes_ += text;
  }
  template <class Tag>
  void field(strong_id<Tag> id) {
    field(id.value);
  }
  void field(won amount) { field(amount.value); }
  void field(std::chrono::milliseconds time) { field(std::int64_t{time.count()}); }
  void field(instant at) { field(at.time_since_epoch().count()); }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void field(Enum value) {
    field(static_cast<std::int64_t>(value));
  }
  template <class Tag>
  void field(std::optional<strong_id<Tag>> id) { // ids begin at 1
    field(id.value_or(strong_id<Tag>{}));
  }
  void field(std::optional<message_channel> channel) { // so do channels
    field(std::int64_t{channel_number(channel)});
  }
  void field(std::optional<instant> at) {
    field(std::int64_t{at.has_value()});
    if (at)
      field(*at);
  }
  void field(const std::vector<delivery_try>& tries) {
    field(static_cast<std::int64_t>(tries.size()));
    for (const delivery_try& each : tries)
      each_field_of_try(*this, each);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Takes fields in the same order. It remembers that something was wrong; later fields are then 0.
class reader {
 public:
  explicit reader(std::string_view bytes) : left_(bytes) {}

  void field(std::int64_t& value) {
    std::uint64_t read = 0;
    unsigned shift = 0;
    constexpr unsigned last_shift = 63;
    for (;; shift += byte_bits) {
      if (left_.empty() || shift > last_shift) {
        good_ = false;
        return;
      }
      const auto byte = static_cast<std::uint8_t>(left_.front());
      left_.remove_prefix(1);
      read |= std::uint64_t{byte & 127u} << shift;
      if (byte < 128)
        break;
    }
    value = static_cast<std::int64_t>(read >> 1 ^ (~(read & 1) + 1));
  }
  void field(bool& value) {
    std::int64_t number = 0;
    field(number);
    good_ = good_ && (number == 0 || number == 1);
    value = number == 1;
  }
  void field(std::string& text) {
    std::int64_t size = 0;
    field(size);
    if (size < 0 || size > static_cast<std::int64_t>(left_.size())) {
      good_ = false;
      return;
    }
    text = left_.substr(0, static_cast<std::size_t>(size));
    left_.remove_prefix(text.size());
  }
  void field(rare_text& text) {
    std::string given;
    field(given);
    text = std::move(given);
  }
  template <class Tag>
  void field(strong_id<Tag>& id) {
    field(id.value);
  }
  void field(won& amount) {
    field(amount.value);
    good_ = good_ && amount >= -won_max && amount <= won_max;
  }
  void field(instant& at) {
    std::int64_t count = 0;
    field(count);
    at = instant{std::chrono::milliseconds{count}};
    good_ = good_ && at >= instant_min && at < instant_end;
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void field(Enum& value) {
    std::int64_t number = 0;
    field(number);
    good_ = good_ && number >= 0 && number <= static_cast<std::int64_t>(last_of(value));
    value = good_ ? static_cast<Enum>(number) : Enum{};
  }
  template <class Tag>
  void field(std::optional<strong_id<Tag>>& id) {
    strong_id<Tag> given;
    field(given);
    id = given.value == 0 ? std::nullopt : std::optional(given);
  }
  void field(std::optional<message_channel>& channel) {
    message_channel given{};
    field(given);
    channel = channel_number(given) == 0 ? std::nullopt : std::optional(given);
  }
  void field(std::optional<instant>& at) {
    std::int64_t given = 0;
    field(given);
    good_ = good_ && (given == 0 || given == 1);
    if (given == 1)
      field(at.emplace());
  }
  void field(int& value) {
    std::int64_t number = 0;
    field(number);
    good_ = good_ && std::in_range<int>(number);
    value = good_ ? static_cast<int>(number) : 0;
  }
  void field(std::chrono::milliseconds& time) {
    std::int64_t count = 0;
    field(count);
    time = std::chrono::milliseconds{count};
  }
  void field(std::vector<delivery_try>& tries) {
    std::int64_t count = 0;
    field(count);
    good_ = good_ && count > 0 && count <= static_cast<std::int64_t>(tries_max);
    for (; good_ && count > 0; --count)
      each_field_of_try(*this, tries.emplace_back());
    good_ = good_ && std::ranges::none_of(tries, [](const delivery_try& each) {
              return each.outcome < try_outcome::permanent; // 0 is none
            });
  }
  bool read_all() const { return good_ && left_.empty(); }

 private:
  std::string_view left_;
  bool good_ = true;
};

// One list of fields a struct, for both ways; the older ones first, which once stood alone.

template <class Fields, class User>
void each_plain_field_of_user(Fields& to, User& of) {
  to.field(of.id);
  to.field(of.phone);
  to.field(of.balance);
  to.field(of.last_sequence);
  to.field(of.created_at);
}

template <class Fields, class User>
void each_field_of_user(Fields& to, User& of) {
  each_plain_field_of_user(to, of);
  to.field(of.updated_at);
  to.field(of.reference);
  to.field(of.metadata);
}

template <class Fields, class Order>
void each_plain_field_of_order(Fields& to, Order& of) {
  to.field(of.id);
  to.field(of.owner);
  to.field(of.coupon);
  to.field(of.total);
  to.field(of.discount);
  to.field(of.status);
  to.field(of.payment_entry);
  to.field(of.refund_entry);
  to.field(of.created_at);
  to.field(of.updated_at);
  to.field(of.refunded);
}

template <class Fields, class Order>
void each_field_of_order(Fields& to, Order& of) {
  each_plain_field_of_order(to, of);
  to.field(of.reference);
  to.field(of.metadata);
}

template <class Fields, class Entry>
void each_plain_field_of_entry(Fields& to, Entry& of) {
  to.field(of.id);
  to.field(of.user);
  to.field(of.sequence);
  to.field(of.order);
  to.field(of.kind);
  to.field(of.amount);
  to.field(of.balance_after);
  to.field(of.created_at);
  to.field(of.reason); // refunded_after and trace stand in no answer
}

template <class Fields, class Entry>
void each_field_of_entry(Fields& to, Entry& of) {
  each_plain_field_of_entry(to, of);
  to.field(of.created_by);
}

template <class Fields, class Delivery>
void each_plain_field_of_delivery(Fields& to, Delivery& of) {
  to.field(of.subscriber);
  to.field(of.entry);
  to.field(of.order);
  to.field(of.status);
  to.field(of.attempts);
  to.field(of.last_error);
  to.field(of.provider_message_id);
  to.field(of.next_attempt);
  to.field(of.created_at);
  to.field(of.updated_at);
  to.field(of.delivered_at);
  to.field(of.channel);
}

template <class Fields, class Delivery>
void each_field_of_delivery(Fields& to, Delivery& of) {
  each_plain_field_of_delivery(to, of);
  to.field(of.tries);
}

template <class Fields, class Webhook>
void each_shown_field_of_webhook(Fields& to, Webhook& of) {
  to.field(of.name);
  to.field(of.url);
  to.field(of.payments);
  to.field(of.refunds);
  to.field(of.enabled);
  to.field(of.max_in_flight);
  to.field(of.max_per_second);
  to.field(of.content_type);
  to.field(of.failing_since);
  to.field(of.paused_at);
  to.field(of.replaying);
  to.field(of.created_at);
  to.field(of.updated_at);
}

} // namespace

std::string to_bytes(const success& what) {
  struct {
    std::string operator()(const user& of) const {
      writer to(user_mark);
      each_field_of_user(to, of);
      return to.take();
    }
    std::string operator()(const order& of) const {
      writer to(order_mark);
      each_field_of_order(to, of);
      return to.take();
    }
    std::string operator()(const ledger_entry& of) const {
      writer to(entry_mark);
      each_field_of_entry(to, of);
      return to.take();
    }
    std::string operator()(noted) const { return {noted_mark}; }
  } write;
  return std::visit(write, what);
}

std::optional<success> success_from_bytes(std::string_view bytes) {
  if (bytes.empty())
    return std::nullopt;
  reader from(bytes.substr(1));
  success made;
  switch (bytes.front()) {
  case plain_user_mark: {
    user& read = made.emplace<user>();
    each_plain_field_of_user(from, read);
    read.updated_at = read.created_at;
    break;
  }
  case plain_order_mark:
    each_plain_field_of_order(from, made.emplace<order>());
    break;
  case plain_entry_mark:
    each_plain_field_of_entry(from, made.emplace<ledger_entry>());
    break;
  case user_mark:
    each_field_of_user(from, made.emplace<user>());
    break;
  case order_mark:
    each_field_of_order(from, made.emplace<order>());
    break;
  case entry_mark:
    each_field_of_entry(from, made.emplace<ledger_entry>());
    break;
  case noted_mark:
    made.emplace<noted>();
    break;
  default:
    return std::nullopt;
  }
  return from.read_all() ? std::optional(std::move(made)) : std::nullopt;
}

std::string to_bytes(const delivery& what) {
  if (what.tries.empty()) {
    writer to(plain_delivery_mark);
    each_plain_field_of_delivery(to, what);
    return to.take();
  }
  writer to(delivery_mark);
  each_field_of_delivery(to, what);
  return to.take();
}

std::optional<delivery> delivery_from_bytes(std::string_view bytes) {
  if (bytes.empty())
    return std::nullopt;
  reader from(bytes.substr(1));
  delivery made;
  if (bytes.front() == delivery_mark)
    each_field_of_delivery(from, made);
  else if (bytes.front() == plain_delivery_mark)
    each_plain_field_of_delivery(from, made);
  else
    return std::nullopt;
  const bool good = from.read_all() && is_name(made.subscriber);
  return good ? std::optional(std::move(made)) : std::nullopt;
}

std::string to_bytes(const retried_count& what) {
  writer to(count_mark);
  to.field(what.count);
  return to.take();
}

std::optional<retried_count> retried_count_from_bytes(std::string_view bytes) {
  if (!bytes.starts_with(count_mark))
    return std::nullopt;
  reader from(bytes.substr(1));
  retried_count made;
  from.field(made.count);
  return from.read_all() && made.count >= 0 ? std::optional(made) : std::nullopt;
}

std::string to_bytes(const webhook_success& what) {
  const auto* shown = std::get_if<webhook_shown>(&what);
  if (shown == nullptr)
    return {webhook_done_mark};
  writer to(webhook_mark);
  each_shown_field_of_webhook(to, *shown->what);
  to.field(shown->with_secret ? std::string_view(shown->what->secret) : std::string_view());
  return to.take();
}

std::optional<webhook_success> webhook_success_from_bytes(std::string_view bytes) {
  if (bytes.size() == 1 && bytes.front() == webhook_done_mark)
    return webhook_done{};
  if (!bytes.starts_with(webhook_mark))
    return std::nullopt;
  reader from(bytes.substr(1));
  webhook made;
  each_shown_field_of_webhook(from, made);
  from.field(made.secret);
  if (!from.read_all() || !valid_webhook_name(made.name)) // which stands in a header
    return std::nullopt;
  const bool with_secret = !made.secret.empty();
  return webhook_shown{std::make_shared<const webhook>(std::move(made)), with_secret};
}

} // namespace paymentd
