// Makes users, orders, ledger entries, messages and what is stored of deliveries of the rows that a
// store's statements give: once for both stores, whose rows have the same calls. The order of the
// columns stands here, their lists in the stores' SQL. Pure; any thread.
#pragma once

#include "db/delivery_list.hpp"
#include "domain/check.hpp"
#include "domain/delivery.hpp"
#include "domain/model.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace paymentd::db {

/// How a store writes a text that may be missing: empty is null.
inline std::optional<std::string_view> or_null(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

/// Likewise for a trace: its bytes.
inline std::optional<std::string_view> or_null(const trace_context& trace) {
  return or_null(bytes_of(trace));
}

/// A column that a statement does not give would be read as null, or as empty, and nobody would
/// see.
template <class Row>
void check_width(const Row& row, int columns) {
  check(row.width() >= columns, "a row has all columns that are read of it");
}

// The id stands last, since a look-up by the id need not read it.
inline constexpr int user_id_column = 7;
inline constexpr int order_id_column = 16;
inline constexpr int payment_column = 9; // where that part of an order begins
inline constexpr int refund_column = 13; // likewise of an event
inline constexpr int user_words_column = 16;

template <class Row>
user read_user(const Row& row, user_id id) {
  check_width(row, user_id_column);
  return {.id = id,
          .phone = std::string(row.text(0)),
          .balance = {row.integer(1)},
          .last_sequence = row.integer(2),
          .created_at = row.time(3),
          .updated_at = row.time(4),
          .reference = row.text(5),
          .metadata = row.text(6)};
}
template <class Row>
user read_user(const Row& row) {
  check_width(row, user_id_column + 1);
  return read_user(row, {row.integer(user_id_column)});
}

/// All that an order has before it is paid.
template <class Row>
order read_unpaid(const Row& row, order_id id) {
  check_width(row, payment_column);
  return {.id = id,
          .owner = {row.integer(0)},
          .coupon = row.template optional_id<coupon_id>(1),
          .total = {row.integer(2)},
          .discount = {row.integer(3)},
          .status = static_cast<order_status>(row.small_integer(4)),
          .payment_entry = std::nullopt,
          .refund_entry = std::nullopt,
          .created_at = row.time(5),
          .updated_at = row.time(6),
          .reference = row.text(7),
          .metadata = row.text(8)};
}
/// The rest of it, which begins with column `first`.
template <class Row>
void read_payment(const Row& row, int first, order& into) {
  check_width(row, first + 7);
  into.payment_entry = row.template optional_id<entry_id>(first);
  into.refund_entry = row.template optional_id<entry_id>(first + 1);
  into.refunded = {row.integer(first + 2)};
  if (row.is_null(first + 3))
    return;
  into.paid_under = payment_key{.key = {row.digest(first + 3), row.integer(first + 4)},
                                .paid_at = row.time(first + 5)};
  if (!row.is_null(first + 6))
    into.paid_under->metadata = row.text(first + 6);
}
/// All of it in one row.
template <class Row>
order read_order(const Row& row) {
  check_width(row, order_id_column + 1);
  order found = read_unpaid(row, {row.integer(order_id_column)});
  read_payment(row, payment_column, found);
  return found;
}

template <class Row>
ledger_entry read_entry(const Row& row) {
  check_width(row, 11);
  ledger_entry found{.id = {row.integer(0)},
                     .user = {row.integer(1)},
                     .sequence = row.integer(2),
                     .order = row.template optional_id<order_id>(3),
                     .kind = static_cast<entry_kind>(row.small_integer(4)),
                     .amount = {row.integer(5)},
                     .balance_after = {row.integer(6)},
                     .created_at = row.time(7),
                     .reason = row.text(8),
                     .created_by = row.text(10)};
  if (found.kind == entry_kind::refund)
    found.refunded_after = {row.integer(9)};
  return found;
}

/// A ledger entry with its order and its user, but for what a refund alone has and for the user's
/// words; lost where one of them is gone.
template <class Row>
message read_event(const Row& row) {
  check_width(row, refund_column);
  message made;
  made.event.entry = {row.integer(0)};
  if (row.is_null(1)) {
    made.lost = "its ledger entry is gone";
    return made;
  }
  made.event.at = row.time(2);
  if (row.is_null(3) || row.is_null(9)) {
    made.lost = row.is_null(3) ? "its order is gone" : "its user is gone";
    return made;
  }
  made.event = payment_event{.entry = {row.integer(0)},
                             .kind = static_cast<entry_kind>(row.small_integer(1)),
                             .order = {row.integer(3)},
                             .user = {row.integer(4)},
                             .phone = std::string(row.text(9)),
                             .coupon = row.template optional_id<coupon_id>(5),
                             .total = {row.integer(6)},
                             .discount = {row.integer(7)},
                             .ordered_at = row.time(8),
                             .at = row.time(2)};
  made.event.reference = row.text(10);
  made.event.metadata = row.text(11);
  made.event.trace = trace_from_bytes(row.text(12));
  return made;
}
/// The rest of a refund, which begins with column `first`.
template <class Row>
void read_refund(const Row& row, int first, payment_event& into) {
  check_width(row, first + 3);
  into.refund = {row.integer(first)};
  into.refunded = {row.integer(first + 1)};
  into.reason = row.text(first + 2);
}
/// The user's reference and metadata, likewise.
template <class Row>
void read_user_words(const Row& row, int first, payment_event& into) {
  check_width(row, first + 2);
  into.user_reference = row.text(first);
  into.user_metadata = row.text(first + 1);
}
/// All of it in one row.
template <class Row>
message read_message(const Row& row) {
  message made = read_event(row);
  if (!made.lost.empty())
    return made;
  if (made.event.kind == entry_kind::refund)
    read_refund(row, refund_column, made.event);
  read_user_words(row, user_words_column, made.event);
  return made;
}

/// The same, with how often it was tried.
template <class Row>
message read_retry(const Row& row) {
  check_width(row, 20);
  message made = read_message(row);
  made.attempts = static_cast<int>(row.integer(18));
  made.copies = static_cast<int>(row.integer(19));
  return made;
}

/// A row of a list of deliveries.
template <class Row>
list_row read_delivery(const Row& row) {
  check_width(row, 12);
  list_row made{.entry = {row.integer(0)}, .kind = {}, .order = {}, .created_at = {}, .stored = {}};
  if (!row.is_null(1)) {
    made.kind = static_cast<entry_kind>(row.small_integer(1));
    made.order = row.template optional_id<order_id>(2).value_or(order_id{});
    made.created_at = row.time(3);
  }
  if (row.is_null(4))
    return made;
  delivery& stored = made.stored.emplace();
  stored.attempts = static_cast<int>(row.integer(5));
  stored.last_error = row.text(6);
  stored.provider_message_id = row.text(7);
  stored.next_attempt = row.optional_time(8);
  stored.updated_at = row.time(9);
  stored.delivered_at = row.optional_time(10);
  set_status(stored, row.small_integer(4));
  if (!row.is_null(11))
    set_channel(stored, row.small_integer(11));
  return made;
}

/// A try of a message; its columns begin with `first`. A value that a hand has removed is read as
/// not known.
template <class Row>
delivery_try read_try(const Row& row, int first) {
  check_width(row, first + 4);
  delivery_try made;
  made.at = row.optional_time(first).value_or(instant{});
  if (!row.is_null(first + 1))
    made.took = std::chrono::milliseconds{row.integer(first + 1)};
  const std::int64_t outcome = row.is_null(first + 2) ? 0 : row.integer(first + 2);
  using enum try_outcome;
  for (const auto each : {permanent, transient, throttled, outage, unknown, undelivered})
    if (outcome == static_cast<std::int64_t>(each))
      made.outcome = each;
  made.detail = row.text(first + 3);
  return made;
}

/// Former kinds, as their three columns stand from `column` on.
template <class Row>
wanted_kinds::former read_former_kinds(const Row& row, int column) {
  check_width(row, column + 3);
  return {.last = row.integer(column),
          .kinds = {.payments = row.boolean(column + 1), .refunds = row.boolean(column + 2)}};
}

/// A row of those that have the present kinds of a subscriber and, each, former ones, by rising
/// last number.
template <class Row>
void read_wanted(const Row& row, wanted_kinds& into) {
  check_width(row, 5);
  into.now = {.payments = row.boolean(0), .refunds = row.boolean(1)};
  if (!row.is_null(2))
    into.before.push_back(read_former_kinds(row, 2));
}

/// A subscriber in a stream, but for its former kinds and its open claims.
template <class Row>
list_cursor read_cursor(const Row& row) {
  check_width(row, 8);
  list_cursor made;
  made.subscriber = {row.integer(0)};
  made.name = row.text(1);
  made.wants.now = {.payments = row.boolean(2), .refunds = row.boolean(3)};
  made.stream = {row.integer(4)};
  made.next = row.integer(5);
  made.position = row.integer(6);
  made.kept_from = row.integer(7);
  return made;
}

} // namespace paymentd::db
