// Requests of clients for a change: commands go in, outcomes come out. Plain values.
#pragma once

#include "domain/model.hpp"

#include <array>
#include <concepts>
#include <type_traits>
#include <utility>
#include <variant>

namespace paymentd {

struct create_user {
  std::string phone; // valid_phone
  won balance;       // 0 to won_max; above 0 it is the user's first CHARGE
};

struct charge {
  user_id user;
  won amount; // 1 to won_max
};

struct create_order {
  user_id user;
  won total;    // 0 to won_max
  won discount; // 0 to total
  std::optional<coupon_id> coupon;
  bool pays = false; // at once: then it is created and paid, or neither
};

struct pay {
  order_id order;
  user_id user;
};

struct cancel {
  order_id order;
};

struct refund {
  order_id order;
};

using action = std::variant<create_user, charge, create_order, pay, cancel, refund>;

/// A client's idempotency key: its digest within its scope (API key, method, path), which names it
/// here, and that of the body it came with. Two requests with the same ones are the same request.
struct idempotency_key {
  std::array<std::uint8_t, 16> digest{};
  std::int64_t body = 0;
  friend bool operator==(const idempotency_key&, const idempotency_key&) = default;
};

/// An action that is asked for, under a key or without one.
struct command {
  action what;
  std::optional<idempotency_key> key = std::nullopt;

  command() = default;
  /// Any of the actions is a command without a key.
  template <class Action>
    requires(!std::same_as<std::remove_cvref_t<Action>, command> &&
             std::constructible_from<action, Action>)
  command(Action&& does) : what(std::forward<Action>(does)) {}
};

/// Why a command was refused. A refusal is an ordinary outcome: it changed nothing and is final
/// for that command, though the same one may succeed later (after a charge, say).
enum class refusal : std::uint8_t {
  order_not_found, // unknown, or another user's
  user_not_found,
  order_not_payable,
  order_not_cancellable,
  order_not_refundable,
  insufficient_balance,
  balance_limit, // the balance would pass won_max
  row_locked,    // of a store: a transaction of somebody else holds the order's or the user's row
  key_reused,    // the idempotency key came with another body before
};

struct refused {
  refusal why;
  std::optional<order_status> status; // the order's, where its status is the reason
  friend bool operator==(const refused&, const refused&) = default;
};

/// The changed thing: create_user gives the user; charge the ledger entry; the commands on orders
/// give the order.
using success = std::variant<user, order, ledger_entry>;

/// The success that an earlier request with the same idempotency key had. Nothing happened now.
struct replayed {
  success what;
  friend bool operator==(const replayed&, const replayed&) = default;
};

using outcome = std::variant<user, order, ledger_entry, refused, replayed>;

/// "order_not_found" and so on: the stable names that clients see.
std::string_view to_string(refusal) noexcept;

} // namespace paymentd
