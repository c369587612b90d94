// Statements of settlement: what a batch locks, reads and writes (settle.cpp, locked_rows.cpp,
// kept_keys.hpp). The order of locks stands in session_sql.hpp.
#pragma once

#include "db/joined_text.hpp"
#include "db/postgres/columns.hpp"
#include "db/postgres/statement.hpp"

namespace paymentd::db::postgres::sql {

// Reserves a block of ids, in a transaction of its own. Locks the row of their kind until its
// commit, at once. $1 kind, $2 how many, $3 the clock's floor. Gives the first.
inline constexpr statement reserve_ids{"reserve_ids", R"sql(
update id_blocks set next = greatest(next, $3::bigint) + $2::bigint where kind = $1::text
returning next - $2::bigint)sql"};

// No locks: it stands behind the lock of the orders' owners, which all commands on an order take,
// so nobody of this program changes these rows until the commit. $1 ids.
inline constexpr statement read_owned_orders{
    "read_owned_orders",
    joined<"select ", order_columns, ", ctid, xmin from orders where id = any ($1::bigint[])">};

// Users that are named ($1), and the owners of orders ($2).
inline constexpr shared_text named_or_owners = R"sql(
where id = any ($1::bigint[] ||
                array(select o.user_id from orders o where o.id = any ($2::bigint[])))
order by id)sql";

// Locks the users (no key update) by rising id: those named ($1) and the owners of orders ($2),
// who never change and may therefore be looked up beside the lock.
inline constexpr statement lock_users{"lock_users", R"sql(
select id, balance, last_sequence, ctid, phone from users where id = any ($1::bigint[])
order by id for no key update)sql"};
// The same, behind the fence of the batch (check_epoch), which takes its lock first: no user where
// the epoch has ended. One statement less for a lone payment. $2 stream, $3 owner, $4 epoch.
inline constexpr statement lock_users_in_epoch{"lock_users_in_epoch", R"sql(
select id, balance, last_sequence, ctid, phone from users
where id = any ($1::bigint[])
  and exists (select from streams where id = $2::bigint and owner = $3::text and epoch = $4::bigint
              for key share)
order by id for no key update)sql"};
inline constexpr statement lock_users_and_owners{
    "lock_users_and_owners", joined<"select id, balance, last_sequence, ctid, phone from users",
                                    named_or_owners, " for no key update">};

// Which rows are locked elsewhere: those that the second of two looks, 20 ms apart, did not lock
// either. Locks what is free (no key update), for the transaction, which is rolled back.
// $1 orders, or users; $2 orders whose owners count, too.
inline constexpr statement pause{"pause", "select pg_sleep(0.02)"};
inline constexpr statement free_orders{"free_orders", R"sql(
select id from orders where id = any ($1::bigint[]) order by id for no key update skip locked)sql"};
inline constexpr statement free_users{
    "free_users",
    joined<"select id from users", named_or_owners, " for no key update skip locked">};
// No locks. $1 users, $2 orders. Gives who of them, and of the orders' owners, there is.
inline constexpr statement users_and_owners{"users_and_owners",
                                            joined<"select id from users", named_or_owners>};
// No locks. $1 orders, $2 users. Gives the orders of these users.
inline constexpr statement orders_of{"orders_of", R"sql(
select id from orders where id = any ($1::bigint[]) and user_id = any ($2::bigint[]))sql"};

// The writes of the hot path take their rows from arrays by subscript, which costs the server less
// than unnest of several arrays; that is fast only for arrays without nulls, so 0 stands for null.
// Rows that nobody changes meanwhile cannot move, so they are found by their address (ctid) rather
// than by their key again.

// Their owners are locked by this transaction already. A row that has changed all the same, by a
// hand that took no lock of an owner, ends the transaction with a division by zero: is_moved()
// knows it. The version tells such a row, also where another one stands at its address by then, or
// where the server does not look at the address again after it waited for the row (TidRecheck of
// nodeTidscan.c, in releases before autumn 2025).
// $1 addresses, $2 statuses, $3 payment entries, $4 refund entries, $5 now, $6 refunded,
// $7 versions.
inline constexpr statement change_orders{"change_orders", R"sql(
with changed as (
  update orders o set status = ($2::smallint[])[i],
    payment_entry_id = nullif(($3::bigint[])[i], 0), refund_entry_id = nullif(($4::bigint[])[i], 0),
    updated_at = $5::timestamptz, refunded = ($6::bigint[])[i]
  from generate_series(1, cardinality($1::tid[])) as i
  where o.ctid = ($1::tid[])[i] and o.xmin = ($7::xid[])[i] returning 1)
select 1 / (count(*) = cardinality($1::tid[]))::int from changed)sql"};

// The same where some of them were paid under a key. $8 keys, $9 bodies, $10 when they were paid.
inline constexpr statement change_keyed_orders{"change_keyed_orders", R"sql(
with changed as (
  update orders o set status = n.status, payment_entry_id = nullif(n.payment_entry_id, 0),
    refund_entry_id = nullif(n.refund_entry_id, 0), updated_at = $5::timestamptz,
    refunded = n.refunded, pay_key = n.pay_key, pay_body = n.pay_body, paid_at = n.paid_at
  from unnest($1::tid[], $2::smallint[], $3::bigint[], $4::bigint[], $6::bigint[], $7::xid[],
              $8::uuid[], $9::bigint[], $10::timestamptz[])
    as n (address, status, payment_entry_id, refund_entry_id, refunded, version, pay_key, pay_body,
          paid_at)
  where o.ctid = n.address and o.xmin = n.version returning 1)
select 1 / (count(*) = cardinality($1::tid[]))::int from changed)sql"};

// The rows are locked by this transaction already. $1 addresses, $2 balances, $3 sequences.
inline constexpr statement change_users{"change_users", R"sql(
update users u set balance = ($2::bigint[])[i], last_sequence = ($3::bigint[])[i]
from generate_series(1, cardinality($1::tid[])) as i where u.ctid = ($1::tid[])[i])sql"};

// No locks but those of the new rows. Its numbers are made beside `select`: a function behind
// `from` has its rows kept before the first one is used, which took a tenth of the whole insert.
// (The updates above gain nothing by it.) The first one notes how far the batch goes, for lists by
// time. $1 ids, rising and without a gap, $2 users, $3 sequences, $4 orders, $5 kinds, $6 amounts,
// $7 balances, $8 now.
inline constexpr statement add_entries{"add_entries", R"sql(
insert into ledger_entries (id, user_id, sequence, order_id, amount, balance_after, created_at, kind,
  batch_last)
select ($1::bigint[])[i], ($2::bigint[])[i], ($3::bigint[])[i], nullif(($4::bigint[])[i], 0),
  ($6::bigint[])[i], ($7::bigint[])[i], $8::timestamptz, ($5::smallint[])[i],
  case i when 1 then ($1::bigint[])[cardinality($1::bigint[])] end
from (select generate_series(1, cardinality($1::bigint[])) as i) n)sql"};

// All of a batch that is payments without a key alone, as most are: PAID orders, the users' new
// balances, and the ledger entries, whose ids are contiguous. One statement, since most of what a
// lone payment costs the server is the beginning and the end of each. The entries are made only
// once the orders are PAID, and none is where a row has moved: see change_orders.
// $1 addresses of orders, $2 their versions, $3 their payment entries, $4 addresses of users,
// $5 balances, $6 sequences, $7 first ledger entry, $8 users, $9 sequences, $10 orders, $11
// amounts, $12 balances after, $13 now.
inline constexpr shared_text pay_orders_and_users = R"sql(
with paid as (
  update orders o set status = 1, payment_entry_id = ($3::bigint[])[i], updated_at = $13::timestamptz
  from generate_series(1, cardinality($1::tid[])) as i
  where o.ctid = ($1::tid[])[i] and o.xmin = ($2::xid[])[i] returning 1),
moved as (
  update users u set balance = ($5::bigint[])[i], last_sequence = ($6::bigint[])[i]
  from generate_series(1, cardinality($4::tid[])) as i where u.ctid = ($4::tid[])[i])
insert into ledger_entries (id, user_id, sequence, order_id, amount, balance_after, created_at, kind,
  batch_last)sql";
inline constexpr shared_text payment_entries = R"sql(
select $7::bigint + i - 1, ($8::bigint[])[i], ($9::bigint[])[i], ($10::bigint[])[i],
  ($11::bigint[])[i], ($12::bigint[])[i], $13::timestamptz, 1,
  case i when 1 then $7::bigint + cardinality($10::bigint[]) - 1 end)sql";
inline constexpr shared_text payment_numbers = R"sql(
from (select generate_series(1, cardinality($10::bigint[]) /
        ((select count(*) from paid) = cardinality($1::tid[]))::int) as i)sql";
inline constexpr statement pay_orders{
    "pay_orders", joined<pay_orders_and_users, ")", payment_entries, payment_numbers, ") n">};

// The same where some have the key that asked for them, or a trace. $14 created_by, $15 traces.
// Arrays of texts are slow by subscript.
inline constexpr statement pay_told_orders{
    "pay_told_orders",
    joined<pay_orders_and_users, ", created_by, trace)", payment_entries, ", created_by, trace",
           payment_numbers,
           ", unnest($14::text[]) as created_by, unnest($15::bytea[]) as trace) n">};

// The same where an entry has more than a payment has. $9 reasons, $10 refunded_after, $11
// created_by, $12 traces.
inline constexpr statement add_told_entries{"add_told_entries", R"sql(
insert into ledger_entries (id, user_id, sequence, order_id, amount, balance_after, created_at, kind,
  reason, refunded_after, created_by, trace, batch_last)
select n.id, n.user_id, n.sequence, nullif(n.order_id, 0), n.amount, n.balance_after,
  $8::timestamptz, n.kind, n.reason, n.refunded_after, n.created_by, n.trace,
  case n.id when ($1::bigint[])[1] then ($1::bigint[])[cardinality($1::bigint[])] end
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[],
            $7::bigint[], $9::text[], $10::bigint[], $11::text[], $12::bytea[])
  as n (id, user_id, sequence, order_id, kind, amount, balance_after, reason, refunded_after,
        created_by, trace))sql"};

// No locks but those of the new rows. $1 ids, $2 phones, $3 balances, $4 sequences, $5 now,
// $6 references, $7 metadata.
inline constexpr statement add_users{"add_users", R"sql(
insert into users (id, balance, last_sequence, created_at, updated_at, phone, reference, metadata)
select n.id, n.balance, n.last_sequence, $5::timestamptz, $5::timestamptz, n.phone, n.reference,
  n.metadata
from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $6::text[], $7::text[])
  as n (id, phone, balance, last_sequence, reference, metadata))sql"};

// The rows are locked by this transaction already. $1 ids, $2 phones, $3 metadata, $4 now.
inline constexpr statement update_users{"update_users", R"sql(
update users u set phone = n.phone, metadata = n.metadata, updated_at = $4::timestamptz
from unnest($1::bigint[], $2::text[], $3::text[]) as n (id, phone, metadata) where u.id = n.id)sql"};

// Likewise; change_orders has the rest of them. $1 ids, $2 metadata, $3 that when they were paid.
inline constexpr statement update_orders{"update_orders", R"sql(
update orders o set metadata = n.metadata, pay_metadata = n.pay_metadata
from unnest($1::bigint[], $2::text[], $3::text[]) as n (id, metadata, pay_metadata)
where o.id = n.id)sql"};

// No locks but those of the new rows. $1 ids, $2 owners, $3 coupons, $4 totals, $5 discounts,
// $6 statuses, $7 payment entries, $8 refund entries, $9 now, $10 refunded, $11 keys, $12 bodies,
// $13 when they were paid: a command of the same batch may have paid and refunded them already.
// $14 references, $15 metadata.
inline constexpr statement add_orders{"add_orders", R"sql(
insert into orders (id, user_id, total, discount, coupon_id, payment_entry_id, refund_entry_id,
  created_at, updated_at, status, refunded, pay_key, pay_body, paid_at, reference, metadata)
select n.id, n.user_id, n.total, n.discount, n.coupon_id, n.payment_entry_id, n.refund_entry_id,
  $9::timestamptz, $9::timestamptz, n.status, n.refunded, n.pay_key, n.pay_body, n.paid_at,
  n.reference, n.metadata
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[],
            $7::bigint[], $8::bigint[], $10::bigint[], $11::uuid[], $12::bigint[],
            $13::timestamptz[], $14::text[], $15::text[])
  as n (id, user_id, coupon_id, total, discount, status, payment_entry_id, refund_entry_id, refunded,
        pay_key, pay_body, paid_at, reference, metadata))sql"};

// No locks. It stands behind the locks of orders and users, so that it sees what a batch that held
// them before has committed. $1 keys.
inline constexpr statement read_kept{"read_kept", R"sql(
select key, body, success from idempotency_keys where key = any ($1::uuid[]) order by key)sql"};

// The same for retries and webhooks. Locks those rows, behind the deliveries or the table of
// webhooks: what is given again is durable once this commits, on a standby too, though the answer
// of the commit that kept it may be lost.
inline constexpr statement lock_kept{"lock_kept", R"sql(
select key, body, success from idempotency_keys where key = any ($1::uuid[]) order by key
for update)sql"};

// No locks, likewise. $1 references.
inline constexpr statement read_user_references{"read_user_references", R"sql(
select reference, id from users where reference is not null and reference = any ($1::text[]))sql"};
inline constexpr statement read_order_references{"read_order_references", R"sql(
select reference, id from orders where reference is not null and reference = any ($1::text[]))sql"};

// No locks but those of the new rows. Waits for another batch that adds the same key, and fails
// (23505) once that is committed. $1 keys, rising; $2 bodies, $3 successes, $4 now.
inline constexpr statement add_kept{"add_kept", R"sql(
insert into idempotency_keys (key, body, created_at, success)
select n.key, n.body, $4::timestamptz, n.success
from unnest($1::uuid[], $2::bigint[], $3::bytea[]) as n (key, body, success))sql"};

} // namespace paymentd::db::postgres::sql
