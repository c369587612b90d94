// The columns that several statements of the embedded store give, in the order in which
// db/row_readers.hpp reads them.
#pragma once

#include "db/joined_text.hpp"

namespace paymentd::db::sqlite::sql {

// Of `users u`, but for the id. A user changed last with the newest ledger entry, or by hand after
// that.
inline constexpr shared_text user_columns =
    "phone, balance, last_sequence, created_at, max(coalesce(updated_at, created_at), "
    "coalesce((select e.created_at from ledger_entries e where e.user_id = u.id "
    "and e.sequence = u.last_sequence), 0)), reference, metadata";

// But for the id: what an order has before it is paid, and the rest.
inline constexpr shared_text order_columns =
    "user_id, coupon_id, total, discount, status, created_at, updated_at, reference, metadata";
inline constexpr shared_text payment_columns =
    "payment_entry_id, refund_entry_id, refunded, pay_key, pay_body, paid_at, pay_metadata";

// Of `ledger_entries e`.
inline constexpr shared_text entry_columns =
    "e.id, e.user_id, e.sequence, e.order_id, e.kind, e.amount, e.balance_after, e.created_at, "
    "e.reason, coalesce(e.refunded_after, e.amount), e.created_by";

// Behind the entry's id: of `ledger_entries e` and `deliveries d`.
inline constexpr shared_text delivery_columns =
    "e.kind, e.order_id, e.created_at, d.status, d.attempts, d.last_error, d.provider_message_id, "
    "d.next_attempt_at, d.updated_at, d.delivered_at, d.channel";

// Of `ledger_entries e` with `orders o` and `users u`.
inline constexpr shared_text event_columns =
    "e.id, e.kind, e.created_at, o.id, e.user_id, o.coupon_id, o.total, o.discount, o.created_at, "
    "u.phone, o.reference, o.metadata, e.trace";

// A list of tries with one more behind it; as many as ?7 are kept. A text that is no JSON, by some
// hand, counts as an empty list.
inline constexpr shared_text tries_and_one =
    "json_insert(case when not json_valid(tries) or tries is null then '[]' "
    "when json_array_length(tries) >= ?7 then json_remove(tries, '$[0]') else tries end, '$[#]', "
    "json_object('at', ?3, 'tookMs', ?4, 'outcome', ?5, 'detail', ?6))";

// Of `t`, the elements of such a list.
inline constexpr shared_text try_columns =
    "json_extract(t.value, '$.at'), json_extract(t.value, '$.tookMs'), "
    "json_extract(t.value, '$.outcome'), json_extract(t.value, '$.detail')";

inline constexpr shared_text claim_columns =
    "id, generation, first_entry, last_entry, retries, since, provider";

} // namespace paymentd::db::sqlite::sql
