// Requests of clients for a change: commands go in, outcomes come out. Plain values.
#pragma once

#include "domain/model.hpp"

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

using command = std::variant<create_user, charge, create_order, pay, cancel, refund>;

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
};

struct refused {
  refusal why;
  std::optional<order_status> status; // the order's, where its status is the reason
  friend bool operator==(const refused&, const refused&) = default;
};

/// create_user gives the user; charge the ledger entry; the commands on orders give the order.
using outcome = std::variant<user, order, ledger_entry, refused>;

/// "order_not_found" and so on: the stable names that clients see.
std::string_view to_string(refusal) noexcept;

} // namespace paymentd
