// The columns that several statements of the PostgreSQL store give, in the order in which
// db/row_readers.hpp reads them.
#pragma once

#include "db/joined_text.hpp"

namespace paymentd::db::postgres::sql {

// Of `users u`. A user changed last with the newest ledger entry, or by hand after that.
inline constexpr shared_text user_columns = R"sql(phone, balance, last_sequence, created_at,
  greatest(updated_at, created_at, (select e.created_at from ledger_entries e
    where e.user_id = u.id and e.sequence = u.last_sequence)), reference, metadata, id)sql";

inline constexpr shared_text order_columns = R"sql(user_id, coupon_id, total, discount, status,
  created_at, updated_at, reference, metadata, payment_entry_id, refund_entry_id,
  case when status = 3 then total - discount else refunded end, pay_key, pay_body, paid_at,
  pay_metadata, id)sql";

inline constexpr shared_text entry_columns = R"sql(id, user_id, sequence, order_id, kind, amount,
  balance_after, created_at, reason, coalesce(refunded_after, amount), created_by)sql";

// The same of `e`, beside the first entry of its batch.
inline constexpr shared_text batch_entry_columns = R"sql(e.id, e.user_id, e.sequence, e.order_id,
  e.kind, e.amount, e.balance_after, e.created_at, e.reason, coalesce(e.refunded_after, e.amount),
  e.created_by)sql";

// Behind the entry's id: of `ledger_entries e` with `orders o` and `users u`.
inline constexpr shared_text event_columns =
    R"sql(e.kind, e.created_at, o.id, o.user_id, o.coupon_id,
  o.total, o.discount, o.created_at, u.phone, o.reference, o.metadata, e.trace,
  e.amount, coalesce(e.refunded_after, e.amount), e.reason)sql";

// Behind the entry's id: of `ledger_entries e` and `deliveries d`.
inline constexpr shared_text delivery_columns = R"sql(e.kind, e.order_id, e.created_at, d.status,
  d.attempts, d.last_error, d.provider_message_id, d.next_attempt_at, d.updated_at, d.delivered_at,
  d.channel)sql";

// Tries as they are stored, of rows `u` with a place in their order.
inline constexpr shared_text joined_tries =
    R"sql(jsonb_agg(jsonb_build_object('at', u.tried_at, 'tookMs', u.took_ms,
    'outcome', u.outcome, 'detail', u.detail) order by u.place))sql";

// Of `o`, the elements of such a list.
inline constexpr shared_text try_columns = R"sql((o.one ->> 'at')::timestamptz,
  (o.one ->> 'tookMs')::bigint, (o.one ->> 'outcome')::bigint, o.one ->> 'detail')sql";

} // namespace paymentd::db::postgres::sql
