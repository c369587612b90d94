// Requests of clients for a change: commands go in, outcomes come out. Plain values.
#pragma once

#include "domain/model.hpp"

#include <concepts>
#include <type_traits>
#include <utility>
#include <variant>

namespace paymentd {

struct create_user {
  std::string phone;        // valid_phone; empty: none
  won balance;              // 0 to won_max; above 0 it is the user's first CHARGE
  rare_text reference = {}; // valid_reference, of no other user; empty: none
  rare_text metadata = {};  // a JSON object as text, within its bounds; empty: none
};

/// Changes what is given.
struct update_user {
  user_id user;
  std::optional<std::string> phone = std::nullopt; // as of create_user
  std::optional<std::string> metadata = std::nullopt;
};

struct charge {
  user_id user;
  won amount;            // 1 to won_max
  rare_text reason = {}; // at most reason_max characters; empty: none
};

/// Pays out, or takes back what was charged by mistake.
struct withdraw {
  user_id user;
  won amount;            // 1 to won_max
  rare_text reason = {}; // as of a charge
};

struct create_order {
  user_id user;
  won total;    // 0 to won_max
  won discount; // 0 to total
  std::optional<coupon_id> coupon;
  bool pays = false;        // at once: then it is created and paid, or neither
  rare_text reference = {}; // as of create_user, of no other order
  rare_text metadata = {};
};

struct update_order {
  order_id order;
  std::string metadata; // as of create_user
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
  std::optional<won> amount = std::nullopt; // 1 to won_max; nothing: all that is left
  rare_text reason = {};                    // as of a charge
};

/// Changes nothing. Its key is kept with its body, so that the key of a request of many commands
/// belongs to that one body, though each of them is done by itself.
struct note_request {};

using action = std::variant<create_user, charge, withdraw, create_order, pay, cancel, refund,
                            update_user, update_order, note_request>;

/// An action that is asked for, under a key or without one.
struct command {
  action what;
  std::optional<idempotency_key> key = std::nullopt;
  rare_text created_by = {}; // the name of the API key that asks; empty: none
  trace_context trace = {};  // of the request

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
  reference_in_use, // by another user, or another order
};

struct refused {
  refusal why;
  std::optional<order_status> status;           // the order's, where its status is the reason
  std::optional<won> refundable = std::nullopt; // of an order, where more was to be refunded
  std::int64_t existing = 0;                    // the id of the one that has the reference; else 0
  friend bool operator==(const refused&, const refused&) = default;
};

struct noted {
  friend bool operator==(noted, noted) = default;
};

/// The changed thing: create_user and update_user give the user; charge and withdraw the ledger
/// entry; the commands on orders give the order. note_request gives noted.
using success = std::variant<user, order, ledger_entry, noted>;

/// The success that an earlier request with the same idempotency key had. Nothing happened now.
struct replayed {
  success what;
  friend bool operator==(const replayed&, const replayed&) = default;
};

using outcome = std::variant<user, order, ledger_entry, noted, refused, replayed>;

/// "order_not_found" and so on: the stable names that clients see.
std::string_view to_string(refusal) noexcept;

} // namespace paymentd
