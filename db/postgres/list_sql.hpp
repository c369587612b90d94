// Statements that read for clients: single things, and pages of users, orders, ledger entries and
// deliveries. None of them locks.
#pragma once

#include "db/joined_text.hpp"
#include "db/postgres/columns.hpp"
#include "db/postgres/statement.hpp"

namespace paymentd::db::postgres::sql {

// $1 ids. In any order: to ask for one costs a sort of whole rows, though the index gives them by
// rising id.
inline constexpr statement read_orders{"read_orders", joined<"select ", order_columns, R"sql(
from orders where id = any ($1::bigint[]))sql">};

// $1 ids. Likewise.
inline constexpr statement read_users{"read_users", joined<"select ", user_columns, R"sql(
from users u where id = any ($1::bigint[]))sql">};

// Pages, newest first, by an index each. A list by time takes $1 its first time, $2 its last one
// and $3, for that, below which id.

// $1 below which id, $2 how many.
inline constexpr statement list_users{"list_users", joined<"select ", user_columns, R"sql(
from users u where id < $1::bigint order by id desc limit $2::bigint)sql">};

// $1 reference, $2 below which id, $3 how many.
inline constexpr statement list_users_of_reference{"list_users_of_reference",
                                                   joined<"select ", user_columns, R"sql(
from users u where reference = $1::text and id < $2::bigint limit $3::bigint)sql">};

// The condition repeats what the index is partial by. $1 phone, $2 below which id, $3 how many.
inline constexpr statement list_users_of_phone{"list_users_of_phone",
                                               joined<"select ", user_columns, R"sql(
from users u where phone = $1::text and phone <> '' and id < $2::bigint
order by phone desc, id desc limit $3::bigint)sql">};

// $1 user, $2 below which id, $3 how many.
inline constexpr statement list_orders_of_user{"list_orders_of_user",
                                               joined<"select ", order_columns, R"sql(
from orders where user_id = $1::bigint and id < $2::bigint
order by user_id desc, id desc limit $3::bigint)sql">};

// $1 reference, $2 below which id, $3 how many.
inline constexpr statement list_orders_of_reference{"list_orders_of_reference",
                                                    joined<"select ", order_columns, R"sql(
from orders where reference = $1::text and id < $2::bigint limit $3::bigint)sql">};

// $4 how many.
inline constexpr statement list_orders_by_time{"list_orders_by_time",
                                               joined<"select ", order_columns, R"sql(
from orders where created_at >= $1::timestamptz and created_at <= $2::timestamptz
and (created_at, id) < ($2::timestamptz, $3::bigint)
order by created_at desc, id desc limit $4::bigint)sql">};

// $1 user, $2 below which sequence, $3 how many.
inline constexpr statement list_entries_of_user{"list_entries_of_user",
                                                joined<"select ", entry_columns, R"sql(
from ledger_entries where user_id = $1::bigint and sequence < $2::bigint
order by user_id desc, sequence desc limit $3::bigint)sql">};

// All of one user, so the sequence orders them. The condition repeats what the index is partial by.
// $1 order, $2 below which sequence, $3 how many.
inline constexpr statement list_entries_of_order{"list_entries_of_order",
                                                 joined<"select ", entry_columns, R"sql(
from ledger_entries where id = any (array(
  select payment_entry_id from orders where id = $1::bigint and payment_entry_id is not null
  union all
  (select id from ledger_entries where order_id = $1::bigint and kind = 2
   and sequence < $2::bigint order by sequence desc limit $3::bigint)))
and sequence < $2::bigint order by sequence desc limit $3::bigint)sql">};

// By the first entries of batches, each with those of its batch. $4 how many.
inline constexpr statement list_entries_by_time{"list_entries_by_time",
                                                joined<"select ", batch_entry_columns, R"sql(
from ledger_entries h cross join lateral (
  select * from ledger_entries b where b.id >= h.id
  and b.id <= least(greatest(h.batch_last, h.id),
                    case h.created_at when $2::timestamptz then $3::bigint - 1 end)
  order by b.id desc limit $4::bigint) e
where h.batch_last is not null
and h.created_at >= $1::timestamptz and h.created_at <= $2::timestamptz
order by h.created_at desc, h.id desc, e.id desc limit $4::bigint)sql">};

// ---- deliveries ---------------------------------------------------------------------------------

inline constexpr statement list_cursors{"list_cursors", R"sql(
select b.id, b.name, b.wants_payments, b.wants_refunds, s.id, coalesce(e.last, 0) + 1,
  coalesce(c.position, 0), coalesce(c.kept_from, 0)
from streams s left join lateral (
  select id & ((1::bigint << 41) - 1) as last from ledger_entries
  where id > s.id << 41 and id < (s.id + 1) << 41 order by id desc limit 1) e on true
cross join subscribers b
left join cursors c on c.subscriber_id = b.id and c.stream_id = s.id)sql"};

// The newest entry's number of each stream.
inline constexpr statement stream_ends{"stream_ends", R"sql(
select s.id, e.last from streams s cross join lateral (
  select id & ((1::bigint << 41) - 1) as last from ledger_entries
  where id > s.id << 41 and id < (s.id + 1) << 41 order by id desc limit 1) e
order by s.id)sql"};

// A handful of rows.
inline constexpr statement list_former_kinds{"list_former_kinds", R"sql(
select subscriber_id, stream_id, last, wants_payments, wants_refunds from former_kinds
order by last)sql"};

// A handful of rows.
inline constexpr statement list_claimed{"list_claimed", R"sql(
select subscriber_id, stream_id, first_entry, last_entry from claims
where first_entry is not null)sql"};

// Each by the primary key of what it walks through, downwards.
// $1 subscriber, $2 above, $3 below, $4 how many to look at.
inline constexpr statement list_ledger{"list_ledger",
                                       joined<"select e.id, ", delivery_columns, R"sql(
from (select * from ledger_entries where id > $2::bigint and id < $3::bigint
      order by id desc limit $4::bigint) e
left join deliveries d on d.subscriber_id = $1::bigint and d.entry_id = e.id
order by e.id desc)sql">};
inline constexpr statement list_stored{"list_stored",
                                       joined<"select d.entry_id, ", delivery_columns, R"sql(
from (select * from deliveries
      where subscriber_id = $1::bigint and entry_id > $2::bigint and entry_id < $3::bigint
      order by entry_id desc limit $4::bigint) d
left join ledger_entries e on e.id = d.entry_id
order by d.entry_id desc)sql">};

// The condition repeats what the index is partial by. $1 order. Gives its payment and its
// refunds, the newest 10,000.
inline constexpr statement entries_of_order{"entries_of_order", R"sql(
select payment_entry_id as id from orders where id = $1::bigint and payment_entry_id is not null
union all
select id from ledger_entries where order_id = $1::bigint and kind = 2
order by 1 desc limit 10000)sql"};

// By the partial index: the condition repeats what the index is partial by. $5 status.
inline constexpr statement list_undelivered{"list_undelivered",
                                            joined<"select d.entry_id, ", delivery_columns, R"sql(
from (select * from deliveries
      where subscriber_id = $1::bigint and status = $5::bigint and status <> 1
      and entry_id > $2::bigint and entry_id < $3::bigint
      order by entry_id desc limit $4::bigint) d
left join ledger_entries e on e.id = d.entry_id
order by d.entry_id desc)sql">};

// The tries of a message: those of its delivery, then those of its claim. $1 subscriber, $2 entry.
inline constexpr statement list_tries{"list_tries", joined<"select ", try_columns, R"sql(
from (
  select 0 as part, tries from deliveries
  where subscriber_id = $1::bigint and entry_id = $2::bigint
  union all
  select 1, tries from claims
  where subscriber_id = $1::bigint and stream_id = $2::bigint >> 41
  and ($2::bigint between first_entry and last_entry or $2::bigint = any (retries))) t
cross join lateral jsonb_array_elements(
  case when jsonb_typeof(t.tries) = 'array' then t.tries else '[]'::jsonb end)
  with ordinality as o (one, place)
where jsonb_typeof(o.one) = 'object'
order by t.part, o.place)sql">};

} // namespace paymentd::db::postgres::sql
