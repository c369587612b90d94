// The event that subscribers are told of: a payment succeeded or was refunded. Made from the ledger
// entry and from its order and user, so it can be made again at any time; of an order only the
// metadata, and of a user what is asked for, may be others then.
#pragma once

#include "domain/model.hpp"

namespace paymentd {

/// The way by which a message reached the customer.
enum class message_channel : std::uint8_t { alimtalk = 1, sms = 2 };

struct payment_event {
  entry_id entry;
  entry_kind kind = entry_kind::payment; // payment or refund
  order_id order;
  user_id user;
  std::string phone;
  std::optional<coupon_id> coupon;
  won total;
  won discount;
  instant ordered_at;       // when the order was made
  instant at;               // when it was paid or refunded
  won refund = {};          // of a refund: its amount
  won refunded = {};        // of the order by then, with this refund
  rare_text reason = {};    // of a refund, in the client's words; empty: none
  rare_text reference = {}; // of the order
  rare_text metadata = {};  // of the order, as it is when the event is read
  // Of the user, likewise; empty unless the reader asked for them (db::database_options).
  rare_text user_reference = {};
  rare_text user_metadata = {};
  trace_context trace = {}; // of the request that paid or refunded
  constexpr won final_amount() const { return {total.value - discount.value}; }
  /// The amount that moved: paid, or given back by this refund.
  constexpr won amount() const { return kind == entry_kind::refund ? refund : final_amount(); }
  friend bool operator==(const payment_event&, const payment_event&) = default;
};

} // namespace paymentd
