// The parts of a payment: users, orders and the append-only ledger. Plain values; any thread.
#pragma once

#include "domain/types.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace paymentd {

struct user {
  user_id id;
  std::string phone;              // digits only, as `valid_phone` takes it; never changes
  won balance;                    // 0 to won_max; the sum of the user's ledger entries
  std::int64_t last_sequence = 0; // the sequence of the user's newest ledger entry; 0 if none
  instant created_at;
  friend bool operator==(const user&, const user&) = default;
};

/// PENDING becomes PAID or CANCELLED; PAID becomes REFUNDED; nothing else ever changes.
enum class order_status : std::uint8_t { pending = 0, paid = 1, cancelled = 2, refunded = 3 };

struct order {
  order_id id;
  user_id owner;
  std::optional<coupon_id> coupon;
  won total;    // 0 to won_max
  won discount; // 0 to total
  order_status status = order_status::pending;
  std::optional<entry_id> payment_entry; // there since it was paid
  std::optional<entry_id> refund_entry;  // there since it was refunded
  instant created_at;
  instant updated_at;
  friend bool operator==(const order&, const order&) = default;

  /// The amount that is to be paid.
  constexpr won final_amount() const { return {total.value - discount.value}; }
};

enum class entry_kind : std::uint8_t { charge = 0, payment = 1, refund = 2 };

/// One movement of one balance. Written once, never changed.
struct ledger_entry {
  entry_id id;
  user_id user;
  std::int64_t sequence = 0;     // the user's own running number, from 1 without gaps
  std::optional<order_id> order; // of a payment or a refund
  entry_kind kind = entry_kind::charge;
  won amount; // negative for a payment
  won balance_after;
  instant created_at;
  friend bool operator==(const ledger_entry&, const ledger_entry&) = default;
};

/// The names that clients see: "PENDING", "PAYMENT" and so on.
std::string_view to_string(order_status) noexcept;
std::string_view to_string(entry_kind) noexcept;

/// Whether `phone` is a Korean mobile number as the message API takes it: 10 or 11 digits that
/// begin with 010, 011, 016, 017, 018 or 019, nothing else.
bool valid_phone(std::string_view phone) noexcept;

} // namespace paymentd
