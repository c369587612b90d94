// Every statement of the PostgreSQL stores but the schema (schema.hpp) and what runs off the hot
// path (administration: seed.cpp, audit.cpp, import_sql.hpp, export.cpp). Each says what it locks.
//
// The order of locks, everywhere: the stream's row, the cursor, orders, users, idempotency keys;
// the ids of one statement sorted. A locking statement returns only rows that it locks itself. All
// rows are reached by an index, most by their primary keys: begin_session turns the other ways off,
// since a plan is made once and kept while its tables grow.
#pragma once

#include "db/postgres/statement.hpp"

namespace paymentd::db::postgres::sql {

// ---- sessions and transactions ------------------------------------------------------------------

// No locks. Gives the timeline, which tells a promoted standby from the server before it.
inline constexpr statement begin_session{"begin_session", R"sql(
select case when pg_is_in_recovery() then 0::bigint
       else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end,
  set_config('search_path', 'paymentd', false),
  set_config('lock_timeout', $1::text, false),
  set_config('statement_timeout', $2::text, false),
  set_config('idle_in_transaction_session_timeout', $3::text, false),
  set_config('tcp_user_timeout', $4::text, false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('synchronous_commit', case current_setting('synchronous_commit')
             when 'off' then 'on' else current_setting('synchronous_commit') end, false),
  set_config('client_encoding', 'UTF8', false),
  set_config('client_min_messages', 'warning', false),
  set_config('plan_cache_mode', 'force_generic_plan', false),
  set_config('enable_seqscan', 'off', false),
  set_config('enable_bitmapscan', 'off', false),
  set_config('enable_hashjoin', 'off', false),
  set_config('enable_mergejoin', 'off', false),
  set_config('enable_material', 'off', false),
  set_config('jit', 'off', false))sql"};

inline constexpr statement begin{"begin", "begin"};
inline constexpr statement commit{"commit", "commit"};
inline constexpr statement rollback{"rollback", "rollback"};
inline constexpr statement ping{"ping", "select 1"};

// No locks. All that has to be there is there, or this fails with a state that says what is not.
inline constexpr statement schema_state{"schema_state", R"sql(
select exists (select from pg_catalog.pg_namespace where nspname = 'paymentd'),
       exists (select from pg_catalog.pg_tables
               where schemaname = 'paymentd' and tablename = 'schema_migrations'),
       coalesce((select tablename::text from pg_catalog.pg_tables where schemaname = 'paymentd'
                 order by 1 limit 1), ''))sql"};
inline constexpr statement schema_version{
    "schema_version", "select coalesce(max(version), 0) from schema_migrations"};
inline constexpr statement instance{"instance", "select value from meta where name = 'instance'"};

// ---- streams ------------------------------------------------------------------------------------

// A stream's numbers are given from memory, in blocks that `next` is moved past before they are
// used. So a batch writes nothing to the stream's row: it locks the epoch, and what it inserted
// proves that it was committed. A row that every batch updated would leave a dead version a batch
// for as long as anybody holds an old snapshot (a dump, an idle transaction), and each look at it
// passes them all.

// The fence of a batch. Locks the stream's row for key share, beside others
// that do, while a change of the epoch, which is in a unique index for this sake alone, waits. No
// row: the epoch has ended. $1 stream, $2 owner, $3 epoch.
inline constexpr statement check_epoch{"check_epoch", R"sql(
select id from streams where id = $1::bigint and owner = $2::text and epoch = $3::bigint
for key share)sql"};

// The same, and renews the lease. Locks the stream's row (no key update). $1 lease in ms, $2
// stream, $3 owner, $4 epoch.
inline constexpr statement renew_lease{"renew_lease", R"sql(
update streams set lease_until = clock_timestamp() + $1::bigint * interval '1 millisecond'
where id = $2::bigint and owner = $3::text and epoch = $4::bigint
returning id)sql"};

// Reserves a block of numbers, in a transaction of its own. Locks the stream's row (no key update).
// No row: the stream is lost, or used up. Gives the end of what is reserved. $1 how many, $2
// stream, $3 owner, $4 epoch, $5 the end of all numbers.
inline constexpr statement reserve_numbers{"reserve_numbers", R"sql(
update streams set next = next + $1::bigint
where id = $2::bigint and owner = $3::text and epoch = $4::bigint
and next + $1::bigint <= $5::bigint
returning next)sql"};

// Ends the epoch of a stream of this owner and begins the next one. Locks the stream's row (update,
// since the epoch is a key): waits for a batch of the ended epoch, and shuts out one that comes
// later. $1 lease in ms, $2 stream, $3 owner, $4 epoch, $5 the clock's floor of numbers, $6 how
// many numbers to reserve. Gives the new epoch and the end of its numbers.
inline constexpr statement raise_epoch{"raise_epoch", R"sql(
with raised as (
  update streams set epoch = epoch + 1, ended_next = next,
    next = greatest(next, $5::bigint) + $6::bigint,
    lease_until = clock_timestamp() + $1::bigint * interval '1 millisecond'
  where id = $2::bigint and owner = $3::text and epoch = $4::bigint
  returning id, epoch, ended_next, next),
noted as (
  insert into stream_epochs (stream_id, epoch, owner, last)
  select id, epoch - 1, $3::text, ended_next - 1 from raised)
select epoch, next from raised)sql"};

// Changes nothing, and is a write all the same: its commit waits for the standby, and with it for
// all that was committed before. A look alone would wait for nobody. Locks the row. No row: the
// epoch was lost with a failed server. $1 stream, $2 epoch, $3 owner.
inline constexpr statement ended_epoch{"ended_epoch", R"sql(
update stream_epochs set last = last
where stream_id = $1::bigint and epoch = $2::bigint and owner = $3::text returning last)sql"};

// Whether a batch was committed: by its first ledger entry, or, where it wrote none, by its mark.
// No locks. $1 the entry, or 0, $2 stream, $3 the batch's last number.
inline constexpr statement is_committed{"is_committed", R"sql(
select exists (select from ledger_entries where id = $1::bigint)
  or exists (select from batch_marks where stream_id = $2::bigint and number = $3::bigint))sql"};

// The mark of a batch that wrote no ledger entry. No locks but that of the new row. $1 stream,
// $2 the batch's last number.
inline constexpr statement add_mark{"add_mark", R"sql(
insert into batch_marks (stream_id, number) values ($1::bigint, $2::bigint))sql"};

// Marks of batches whose outcomes are known. It says from which number on, so that it passes none
// of those that are deleted already. $1 stream, $2 from which number, $3 below which.
inline constexpr statement delete_marks{"delete_marks", R"sql(
delete from batch_marks
where stream_id = $1::bigint and number >= $2::bigint and number < $3::bigint)sql"};

// Takes one stream whose lease is over. Better one that no other living process delivers from,
// whose messages it would learn of late. Locks one stream's row (update), skipping those that
// others hold. $1 lease in ms, $2 owner, $3 the end of the numbers to begin below, $4 streams to
// leave alone, $5 and $6 the clock's floor of streams and of numbers, $7 how many numbers to
// reserve. Gives the stream, its epoch and the end of its numbers.
inline constexpr statement take_over{"take_over", R"sql(
with chosen as (
  select id, epoch as ended, owner as ended_owner from streams
  where lease_until < clock_timestamp() and next < $3::bigint and id >= $5::bigint
  and id <> all ($4::bigint[])
  order by exists (select from cursors c join processes p on p.owner = c.owner
                   where c.stream_id = streams.id and c.owner <> $2::text
                   and p.lease_until >= clock_timestamp()), id
  limit 1 for update skip locked),
taken as (
  update streams s set epoch = s.epoch + 1, ended_next = s.next,
    next = greatest(s.next, $6::bigint) + $7::bigint, owner = $2::text,
    lease_until = clock_timestamp() + $1::bigint * interval '1 millisecond'
  from chosen c where s.id = c.id and s.epoch = c.ended and s.owner = c.ended_owner
  returning s.id, s.epoch, s.ended_next, s.next, c.ended_owner),
noted as (
  insert into stream_epochs (stream_id, epoch, owner, last)
  select id, epoch - 1, ended_owner, ended_next - 1 from taken)
select id, epoch, next from taken)sql"};

// Adds a stream. Two at once want the same id; the later one waits, then gets no row and tries
// again. $1 lease in ms, $2 owner, $3 the largest id, $4 and $5 the clock's floor of streams and of
// numbers, $6 how many numbers to reserve. Gives the stream, its epoch and the end of its numbers.
inline constexpr statement add_stream{"add_stream", R"sql(
insert into streams (id, owner, epoch, next, ended_next, lease_until)
select m.id, $2::text, 1, greatest(1 << 20, $5::bigint) + $6::bigint, 1,
  clock_timestamp() + $1::bigint * interval '1 millisecond'
from (select greatest(coalesce(max(id), 0) + 1, $4::bigint) as id from streams) m where m.id <= $3::bigint
on conflict do nothing returning id, epoch, next)sql"};

// Lets an own stream go, for whoever takes it next. Locks its row. $1 stream, $2 owner, $3 epoch.
inline constexpr statement let_go{"let_go", R"sql(
update streams set lease_until = clock_timestamp()
where id = (select id from streams where id = $1::bigint and owner = $2::text
            and epoch = $3::bigint for update skip locked))sql"};

// ---- settlement ---------------------------------------------------------------------------------

// Reserves a block of ids, in a transaction of its own. Locks the row of their kind until its
// commit, at once. $1 kind, $2 how many, $3 the clock's floor. Gives the first.
inline constexpr statement reserve_ids{"reserve_ids", R"sql(
update id_blocks set next = greatest(next, $3::bigint) + $2::bigint where kind = $1::text
returning next - $2::bigint)sql"};

// Locks the orders (no key update) by rising id. $1 ids.
inline constexpr statement lock_orders{"lock_orders", R"sql(
select id, user_id, total, discount, coupon_id, payment_entry_id, refund_entry_id, created_at,
  updated_at, status, case when status = 3 then total - discount else refunded end, pay_key, pay_body,
  paid_at, reference, metadata, pay_metadata, ctid
from orders where id = any ($1::bigint[]) order by id for no key update)sql"};

// Locks the users (no key update) by rising id: those named ($1) and the owners of orders ($2),
// who never change and may therefore be looked up beside the lock.
inline constexpr statement lock_users{"lock_users", R"sql(
select id, balance, last_sequence, ctid from users where id = any ($1::bigint[])
order by id for no key update)sql"};
inline constexpr statement lock_users_and_owners{"lock_users_and_owners", R"sql(
select id, balance, last_sequence, ctid from users
where id = any ($1::bigint[] ||
                array(select o.user_id from orders o where o.id = any ($2::bigint[])))
order by id for no key update)sql"};

// Which rows are locked elsewhere: those that the second of two looks, 20 ms apart, did not lock
// either. Locks what is free (no key update), for the transaction, which is rolled back.
// $1 orders, or users; $2 orders whose owners count, too.
inline constexpr statement pause{"pause", "select pg_sleep(0.02)"};
inline constexpr statement free_orders{"free_orders", R"sql(
select id from orders where id = any ($1::bigint[]) order by id for no key update skip locked)sql"};
inline constexpr statement free_users{"free_users", R"sql(
select id from users
where id = any ($1::bigint[] ||
                array(select o.user_id from orders o where o.id = any ($2::bigint[])))
order by id for no key update skip locked)sql"};
// No locks. $1 users, $2 orders. Gives who of them, and of the orders' owners, there is.
inline constexpr statement users_and_owners{"users_and_owners", R"sql(
select id from users
where id = any ($1::bigint[] ||
                array(select o.user_id from orders o where o.id = any ($2::bigint[]))) order by id)sql"};
// No locks. $1 orders, $2 users. Gives the orders of these users.
inline constexpr statement orders_of{"orders_of", R"sql(
select id from orders where id = any ($1::bigint[]) and user_id = any ($2::bigint[]))sql"};

// The writes of the hot path take their rows from arrays by subscript, which costs the server less
// than unnest of several arrays; that is fast only for arrays without nulls, so 0 stands for null.
// Locked rows cannot move, so they are found by their place (ctid) rather than by their key again.

// The rows are locked by this transaction already.
// $1 places, $2 statuses, $3 payment entries, $4 refund entries, $5 now, $6 refunded.
inline constexpr statement change_orders{"change_orders", R"sql(
update orders o set status = ($2::smallint[])[i],
  payment_entry_id = nullif(($3::bigint[])[i], 0), refund_entry_id = nullif(($4::bigint[])[i], 0),
  updated_at = $5::timestamptz, refunded = ($6::bigint[])[i]
from generate_series(1, cardinality($1::tid[])) as i where o.ctid = ($1::tid[])[i])sql"};

// The same where some of them were paid under a key. $7 keys, $8 bodies, $9 when they were paid.
inline constexpr statement change_keyed_orders{"change_keyed_orders", R"sql(
update orders o set status = n.status, payment_entry_id = nullif(n.payment_entry_id, 0),
  refund_entry_id = nullif(n.refund_entry_id, 0), updated_at = $5::timestamptz,
  refunded = n.refunded, pay_key = n.pay_key, pay_body = n.pay_body, paid_at = n.paid_at
from unnest($1::tid[], $2::smallint[], $3::bigint[], $4::bigint[], $6::bigint[], $7::uuid[],
            $8::bigint[], $9::timestamptz[])
  as n (place, status, payment_entry_id, refund_entry_id, refunded, pay_key, pay_body, paid_at)
where o.ctid = n.place)sql"};

// The rows are locked by this transaction already. $1 places, $2 balances, $3 sequences.
inline constexpr statement change_users{"change_users", R"sql(
update users u set balance = ($2::bigint[])[i], last_sequence = ($3::bigint[])[i]
from generate_series(1, cardinality($1::tid[])) as i where u.ctid = ($1::tid[])[i])sql"};

// No locks but those of the new rows.
// $1 ids, $2 users, $3 sequences, $4 orders, $5 kinds, $6 amounts, $7 balances, $8 now.
inline constexpr statement add_entries{"add_entries", R"sql(
insert into ledger_entries (id, user_id, sequence, order_id, amount, balance_after, created_at, kind)
select ($1::bigint[])[i], ($2::bigint[])[i], ($3::bigint[])[i], nullif(($4::bigint[])[i], 0),
  ($6::bigint[])[i], ($7::bigint[])[i], $8::timestamptz, ($5::smallint[])[i]
from generate_series(1, cardinality($1::bigint[])) as i)sql"};

// The same where an entry has more than a payment has. $9 reasons, $10 refunded_after, $11
// created_by.
inline constexpr statement add_told_entries{"add_told_entries", R"sql(
insert into ledger_entries (id, user_id, sequence, order_id, amount, balance_after, created_at, kind,
  reason, refunded_after, created_by)
select n.id, n.user_id, n.sequence, nullif(n.order_id, 0), n.amount, n.balance_after,
  $8::timestamptz, n.kind, n.reason, n.refunded_after, n.created_by
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[],
            $7::bigint[], $9::text[], $10::bigint[], $11::text[])
  as n (id, user_id, sequence, order_id, kind, amount, balance_after, reason, refunded_after,
        created_by))sql"};

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

// The same for retries. Locks those rows, behind the deliveries: what is given again is durable
// once this commits, on a standby too, though the answer of the commit that kept it may be lost.
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

// Forgets old keys, some at a time. Locks them, skipping those that another process forgets now.
// $1 before when, $2 how many at the most.
inline constexpr statement forget_keys{"forget_keys", R"sql(
delete from idempotency_keys where key = any (array(
  select key from idempotency_keys where created_at < $1::timestamptz
  order by created_at limit $2::bigint for update skip locked)))sql"};

// ---- reading ------------------------------------------------------------------------------------

// No locks. $1 ids.
inline constexpr statement read_orders{"read_orders", R"sql(
select id, user_id, total, discount, coupon_id, payment_entry_id, refund_entry_id, created_at,
  updated_at, status, case when status = 3 then total - discount else refunded end, pay_key, pay_body,
  paid_at, reference, metadata, pay_metadata
from orders where id = any ($1::bigint[]) order by id)sql"};

// No locks. A user changed last with the newest ledger entry, or by hand after that. $1 ids.
inline constexpr statement read_users{"read_users", R"sql(
select id, balance, last_sequence, created_at, phone,
  greatest(updated_at, created_at, (select e.created_at from ledger_entries e
    where e.user_id = u.id and e.sequence = u.last_sequence)), reference, metadata
from users u where id = any ($1::bigint[]) order by id)sql"};

// Pages, newest first, by an index each; no locks. Users have the columns of read_users, orders
// those of read_orders. A list by time takes $1 its first time, $2 its last one and $3, for that,
// below which id.

// $1 below which id, $2 how many.
inline constexpr statement list_users{"list_users", R"sql(
select id, balance, last_sequence, created_at, phone,
  greatest(updated_at, created_at, (select e.created_at from ledger_entries e
    where e.user_id = u.id and e.sequence = u.last_sequence)), reference, metadata
from users u where id < $1::bigint order by id desc limit $2::bigint)sql"};

// $1 reference, $2 below which id, $3 how many.
inline constexpr statement list_users_of_reference{"list_users_of_reference", R"sql(
select id, balance, last_sequence, created_at, phone,
  greatest(updated_at, created_at, (select e.created_at from ledger_entries e
    where e.user_id = u.id and e.sequence = u.last_sequence)), reference, metadata
from users u where reference = $1::text and id < $2::bigint limit $3::bigint)sql"};

// The condition repeats what the index is partial by. $1 phone, $2 below which id, $3 how many.
inline constexpr statement list_users_of_phone{"list_users_of_phone", R"sql(
select id, balance, last_sequence, created_at, phone,
  greatest(updated_at, created_at, (select e.created_at from ledger_entries e
    where e.user_id = u.id and e.sequence = u.last_sequence)), reference, metadata
from users u where phone = $1::text and phone <> '' and id < $2::bigint
order by phone desc, id desc limit $3::bigint)sql"};

// $1 user, $2 below which id, $3 how many.
inline constexpr statement list_orders_of_user{"list_orders_of_user", R"sql(
select id, user_id, total, discount, coupon_id, payment_entry_id, refund_entry_id, created_at,
  updated_at, status, case when status = 3 then total - discount else refunded end, pay_key, pay_body,
  paid_at, reference, metadata, pay_metadata
from orders where user_id = $1::bigint and id < $2::bigint
order by user_id desc, id desc limit $3::bigint)sql"};

// $1 reference, $2 below which id, $3 how many.
inline constexpr statement list_orders_of_reference{"list_orders_of_reference", R"sql(
select id, user_id, total, discount, coupon_id, payment_entry_id, refund_entry_id, created_at,
  updated_at, status, case when status = 3 then total - discount else refunded end, pay_key, pay_body,
  paid_at, reference, metadata, pay_metadata
from orders where reference = $1::text and id < $2::bigint limit $3::bigint)sql"};

// $4 how many.
inline constexpr statement list_orders_by_time{"list_orders_by_time", R"sql(
select id, user_id, total, discount, coupon_id, payment_entry_id, refund_entry_id, created_at,
  updated_at, status, case when status = 3 then total - discount else refunded end, pay_key, pay_body,
  paid_at, reference, metadata, pay_metadata
from orders where created_at >= $1::timestamptz and created_at <= $2::timestamptz
and (created_at, id) < ($2::timestamptz, $3::bigint)
order by created_at desc, id desc limit $4::bigint)sql"};

// $1 user, $2 below which sequence, $3 how many.
inline constexpr statement list_entries_of_user{"list_entries_of_user", R"sql(
select id, user_id, sequence, order_id, kind, amount, balance_after, created_at, reason,
  coalesce(refunded_after, amount), created_by
from ledger_entries where user_id = $1::bigint and sequence < $2::bigint
order by user_id desc, sequence desc limit $3::bigint)sql"};

// All of one user, so the sequence orders them. The condition repeats what the index is partial by.
// $1 order, $2 below which sequence, $3 how many.
inline constexpr statement list_entries_of_order{"list_entries_of_order", R"sql(
select id, user_id, sequence, order_id, kind, amount, balance_after, created_at, reason,
  coalesce(refunded_after, amount), created_by
from ledger_entries where id = any (array(
  select payment_entry_id from orders where id = $1::bigint and payment_entry_id is not null
  union all
  (select id from ledger_entries where order_id = $1::bigint and kind = 2
   and sequence < $2::bigint order by sequence desc limit $3::bigint)))
and sequence < $2::bigint order by sequence desc limit $3::bigint)sql"};

// $4 how many.
inline constexpr statement list_entries_by_time{"list_entries_by_time", R"sql(
select id, user_id, sequence, order_id, kind, amount, balance_after, created_at, reason,
  coalesce(refunded_after, amount), created_by
from ledger_entries where created_at >= $1::timestamptz and created_at <= $2::timestamptz
and (created_at < $2::timestamptz or id < $3::bigint)
order by created_at desc, id desc limit $4::bigint)sql"};

// ---- delivery -----------------------------------------------------------------------------------

// No locks but that of the new row. $1 name, $2 wants payments, $3 wants refunds, $4 now.
inline constexpr statement add_subscriber{"add_subscriber", R"sql(
insert into subscribers (name, wants_payments, wants_refunds, created_at)
values ($1::text, $2::boolean, $3::boolean, $4::timestamptz) on conflict (name) do nothing
returning id)sql"};

// No locks. $1 name.
inline constexpr statement find_subscriber{"find_subscriber", R"sql(
select id, wants_payments, wants_refunds, (select value from meta where name = 'instance'),
  held_until
from subscribers where name = $1::text)sql"};

// A new subscriber starts behind what is committed: what a batch in flight writes comes later.
// No locks but those of the new rows. $1 subscriber.
inline constexpr statement add_cursors_at_end{"add_cursors_at_end", R"sql(
insert into cursors (subscriber_id, stream_id, position, kept_from)
select $1::bigint, s.id, coalesce(e.last, 0), coalesce(e.last, 0)
from streams s left join lateral (
  select id & ((1::bigint << 41) - 1) as last from ledger_entries
  where id > s.id << 41 and id < (s.id + 1) << 41 order by id desc limit 1) e on true)sql"};

// ---- who delivers -------------------------------------------------------------------------------

// A process that delivers says that it lives. Locks its row. $1 owner, $2 lease in ms.
inline constexpr statement be_alive{"be_alive", R"sql(
insert into processes (owner, lease_until)
values ($1::text, clock_timestamp() + $2::bigint * interval '1 millisecond')
on conflict (owner) do update set lease_until = excluded.lease_until)sql"};

// No process needs to be remembered as dead for ever: one without a row is dead as well. Locks the
// rows, skipping those that others hold.
inline constexpr statement forget_the_dead{"forget_the_dead", R"sql(
delete from processes where owner in (
  select owner from processes where lease_until < clock_timestamp() - interval '1 hour'
  for update skip locked))sql"};

// $1 owner.
inline constexpr statement leave{"leave", "delete from processes where owner = $1::text"};

// A stream without a cursor is younger than the subscriber: all of it is for it. No locks but those
// of the new rows. $1 names of subscribers.
inline constexpr statement add_cursors_at_start{"add_cursors_at_start", R"sql(
insert into cursors (subscriber_id, stream_id, position, kept_from)
select b.id, s.id, 0, 0 from subscribers b cross join streams s
where b.name = any ($1::text[])
and not exists (select from cursors c where c.subscriber_id = b.id and c.stream_id = s.id)
on conflict do nothing)sql"};

// Lets go of cursors with nothing left, but for the streams that this process writes: whoever
// writes them delivers them best. Locks the cursors, skipping those that others hold. $1 owner, $2
// streams.
inline constexpr statement release_cursors{"release_cursors", R"sql(
update cursors c set owner = '', epoch = c.epoch + 1
from (select r.subscriber_id, r.stream_id from cursors r
      where r.owner = $1::text and r.stream_id <> all ($2::bigint[])
      and not exists (select from claims m
                      where m.subscriber_id = r.subscriber_id and m.stream_id = r.stream_id)
      and not exists (select from deliveries d
                      where d.entry_id >> 41 = r.stream_id and d.subscriber_id = r.subscriber_id
                      and d.next_attempt_at is not null)
      and not exists (select from ledger_entries e
                      where e.id > (r.stream_id << 41 | r.position)
                      and e.id < (r.stream_id + 1) << 41)
      for update of r skip locked) n
where c.subscriber_id = n.subscriber_id and c.stream_id = n.stream_id)sql"};

// Takes cursors that no living process has: of the streams that this process writes, and of all in
// which something is left. A cursor that changed since it was looked at is left alone (v is what
// was looked at). A stream whose writer lives and does not say so here is a program's of before,
// which delivers what it writes. Locks the cursors, skipping those that others hold. $1 owner, $2
// names of subscribers, $3 streams, $4 how many.
inline constexpr statement take_cursors{"take_cursors", R"sql(
with chosen as (
  select c.subscriber_id, c.stream_id from cursors c
  join cursors v on v.subscriber_id = c.subscriber_id and v.stream_id = c.stream_id
    and v.epoch = c.epoch
  join subscribers b on b.id = c.subscriber_id
  where b.name = any ($2::text[]) and c.owner <> $1::text
  and not exists (select from processes p
                  where p.owner = c.owner and p.lease_until >= clock_timestamp())
  and not exists (select from streams s
                  where s.id = c.stream_id and s.owner not in ('', $1::text)
                  and s.lease_until >= clock_timestamp()
                  and not exists (select from processes p where p.owner = s.owner))
  and (c.stream_id = any ($3::bigint[])
       or exists (select from claims m
                  where m.subscriber_id = c.subscriber_id and m.stream_id = c.stream_id)
       or exists (select from deliveries d
                  where d.entry_id >> 41 = c.stream_id and d.subscriber_id = c.subscriber_id
                  and d.next_attempt_at is not null)
       or exists (select from ledger_entries e
                  where e.id > (c.stream_id << 41 | c.position)
                  and e.id < (c.stream_id + 1) << 41))
  order by c.stream_id <> all ($3::bigint[]), c.subscriber_id, c.stream_id
  limit $4::bigint for update of c skip locked)
update cursors c set owner = $1::text, epoch = c.epoch + 1
from chosen n where c.subscriber_id = n.subscriber_id and c.stream_id = n.stream_id)sql"};

// A server that was failed over to may have lost the last steps: what is held goes on under a new
// epoch, and what is open in it is read again. Locks the cursors. $1 owner.
inline constexpr statement raise_cursors{"raise_cursors", R"sql(
update cursors set epoch = epoch + 1 where owner = $1::text)sql"};

// No locks. $1 owner, $2 names of subscribers.
inline constexpr statement held_cursors{"held_cursors", R"sql(
select b.name, c.stream_id, c.epoch from cursors c join subscribers b on b.id = c.subscriber_id
where c.owner = $1::text and b.name = any ($2::text[]) order by 1, 2)sql"};

// ---- steps --------------------------------------------------------------------------------------

// Locks the cursor (update): one step at a time. The last column is the fence: whether it is still
// this owner's under this epoch. $1 subscriber, $2 stream, $3 owner, $4 epoch.
inline constexpr statement lock_cursor{"lock_cursor", R"sql(
select c.position, b.wants_payments, b.wants_refunds, c.ctid,
  c.owner = $3::text and c.epoch = $4::bigint
from cursors c join subscribers b on b.id = c.subscriber_id
where c.subscriber_id = $1::bigint and c.stream_id = $2::bigint for update of c)sql"};

// The same by the place where the cursor lay after the step before: by its key, each look would
// pass all its dead versions for as long as anybody holds an old snapshot. No row where it has
// moved. $5 place.
inline constexpr statement lock_cursor_at{"lock_cursor_at", R"sql(
select c.position, b.wants_payments, b.wants_refunds, c.ctid,
  c.owner = $3::text and c.epoch = $4::bigint
from cursors c join subscribers b on b.id = c.subscriber_id
where c.ctid = $5::tid and c.subscriber_id = $1::bigint and c.stream_id = $2::bigint
for update of c)sql"};

// The row is locked by this transaction already. Gives its new place. $1 place, $2 position.
inline constexpr statement move_cursor{"move_cursor", R"sql(
update cursors set position = $2::bigint where ctid = $1::tid returning ctid)sql"};

// Locks the subscriber, under the lock of a cursor. $1 subscriber, $2 until when.
inline constexpr statement hold_subscriber{"hold_subscriber", R"sql(
update subscribers set held_until = $2::timestamptz where id = $1::bigint)sql"};

// Claims are touched only under the lock of their cursor. Oldest first. $1 subscriber, $2 stream.
inline constexpr statement get_claims{"get_claims", R"sql(
select id, generation, instance, first_entry, last_entry, retries, since, provider from claims
where subscriber_id = $1::bigint and stream_id = $2::bigint order by since, id)sql"};

// This and the next two go by the claims' ids: the `+ 0` keeps the server from going by the stream,
// where it would pass all claims that have ended for as long as anybody holds an old snapshot.
// Those of the claims that are open. No locks: under the lock of their cursor. $1 ids, $2
// subscriber, $3 stream.
inline constexpr statement open_claims{"open_claims", R"sql(
select id from claims
where id = any ($1::bigint[]) and subscriber_id + 0 = $2::bigint
and stream_id + 0 = $3::bigint)sql"};

// $1 ids, $2 subscriber, $3 stream, $4 now.
inline constexpr statement next_generation{"next_generation", R"sql(
update claims set generation = generation + 1, since = $4::timestamptz
where id = any ($1::bigint[]) and subscriber_id + 0 = $2::bigint
and stream_id + 0 = $3::bigint returning id, generation, instance)sql"};

// $1 ids, $2 subscriber, $3 stream.
inline constexpr statement end_claims{"end_claims", R"sql(
delete from claims
where id = any ($1::bigint[]) and subscriber_id + 0 = $2::bigint
and stream_id + 0 = $3::bigint)sql"};

// New claims, their ids in the order given: ids are never used again on one timeline, and the
// instance names the timeline. $1 subscriber, $2 stream, $3 instance, $4 now, $5 first entries,
// $6 last entries, $7 providers.
inline constexpr statement add_ranges{"add_ranges", R"sql(
insert into claims (subscriber_id, stream_id, generation, instance, since, first_entry, last_entry,
  provider)
select $1::bigint, $2::bigint, 1, $3::text, $4::timestamptz, n.first_entry, n.last_entry, n.provider
from unnest($5::bigint[], $6::bigint[], $7::text[]) with ordinality
  as n (first_entry, last_entry, provider, at)
order by n.at returning id)sql"};

// $1 subscriber, $2 stream, $3 instance, $4 now, $5 entries, $6 provider.
inline constexpr statement add_retries{"add_retries", R"sql(
insert into claims (subscriber_id, stream_id, generation, instance, since, retries, provider)
values ($1::bigint, $2::bigint, 1, $3::text, $4::timestamptz, $5::bigint[], $6::text) returning id)sql"};

// No locks: entries, and all that is asked of their orders but metadata, never change.
// $1 the first entry, $2 the last, $3 kinds, $4 whether the user's reference and metadata are
// wanted.
inline constexpr statement events_of_range{"events_of_range", R"sql(
select e.id, e.kind, e.created_at, o.id, o.user_id, o.coupon_id, o.total, o.discount, o.created_at,
  u.phone, e.amount, coalesce(e.refunded_after, e.amount), e.reason, o.reference, o.metadata,
  case when $4::boolean then u.reference end, case when $4::boolean then u.metadata end
from ledger_entries e
left join orders o on o.id = e.order_id left join users u on u.id = o.user_id
where e.id >= $1::bigint and e.id <= $2::bigint and e.kind = any ($3::smallint[])
order by e.id)sql"};

// The part ahead of a cursor: the entries behind it up to the last wanted one that fits, and the
// unwanted ones (charges, say) behind that. No locks: under the lock of the cursor. A stream's
// numbers are committed in order, so no entry is passed that commits later. Orders and users are
// looked up for wanted entries only.
// $1 behind which entry, $2 below which, $3 kinds, $4 how many wanted ones, $5 how many to look at,
// $6 as $4 of events_of_range.
inline constexpr statement events_ahead{"events_ahead", R"sql(
select e.id, e.kind, e.created_at, o.id, o.user_id, o.coupon_id, o.total, o.discount, o.created_at,
  u.phone, e.amount, coalesce(e.refunded_after, e.amount), e.reason,
  o.reference, o.metadata,
  case when $6::boolean then u.reference end, case when $6::boolean then u.metadata end,
  e.wanted, e.all_seen
from (
  select l.*, l.kind = any ($3::smallint[]) as wanted,
    count(*) filter (where l.kind = any ($3::smallint[])) over (order by l.id rows unbounded preceding)
      as wanted_so_far,
    count(*) over () as all_seen
  from (select * from ledger_entries
        where id > $1::bigint and id < $2::bigint
        order by id limit $5::bigint) l) e
left join orders o on o.id = e.order_id and e.wanted
left join users u on u.id = o.user_id
where e.wanted_so_far <= $4::bigint
order by e.id)sql"};

// No locks. A row for each of the entries, also where there is none. $1 entries, $2 subscriber, $3
// as $4 of events_of_range.
inline constexpr statement events_of_list{"events_of_list", R"sql(
select n.id, e.kind, e.created_at, o.id, o.user_id, o.coupon_id, o.total, o.discount, o.created_at,
  u.phone, e.amount, coalesce(e.refunded_after, e.amount), e.reason, o.reference, o.metadata,
  case when $3::boolean then u.reference end, case when $3::boolean then u.metadata end,
  coalesce(d.attempts, 0)::bigint, coalesce(d.copies, 0)::bigint
from unnest($1::bigint[]) as n (id) left join ledger_entries e on e.id = n.id
left join orders o on o.id = e.order_id left join users u on u.id = o.user_id
left join deliveries d on d.subscriber_id = $2::bigint and d.entry_id = n.id
order by n.id)sql"};

// No locks: under the lock of the cursor. By the partial index: only what waits is looked at.
// $1 subscriber, $2 stream, $3 now, $4 how many.
inline constexpr statement due_retries{"due_retries", R"sql(
select entry_id, next_attempt_at from deliveries
where subscriber_id = $1::bigint and entry_id >> 41 = $2::bigint
and next_attempt_at is not null and next_attempt_at <= $3::timestamptz and status = 0
order by next_attempt_at limit $4::bigint)sql"};

// The earliest that is due later. No locks. $1 subscriber, $2 stream, $3 now.
inline constexpr statement next_retry{"next_retry", R"sql(
select next_attempt_at from deliveries
where subscriber_id = $1::bigint and entry_id >> 41 = $2::bigint
and next_attempt_at is not null and next_attempt_at > $3::timestamptz and status = 0
order by next_attempt_at limit 1)sql"};

// Locks the deliveries, under the lock of their cursor. $1 subscriber, $2 entries.
inline constexpr statement take_retries{"take_retries", R"sql(
update deliveries set next_attempt_at = null
where subscriber_id = $1::bigint and entry_id = any ($2::bigint[]))sql"};

// First results of messages, under the lock of their cursor. No locks but those of the new rows.
// $1 subscriber, $2 entries, $3 statuses, $4 attempts, $5 errors, $6 provider's ids, $7 times of
// the next try, $8 times of the entries, $9 now.
inline constexpr statement add_deliveries{"add_deliveries", R"sql(
insert into deliveries (subscriber_id, entry_id, created_at, updated_at, next_attempt_at, attempts,
  status, provider_message_id, last_error)
select $1::bigint, n.entry_id, n.created_at, $9::timestamptz, n.next_attempt_at, n.attempts,
  n.status, n.provider_message_id, n.last_error
from unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[],
            $8::timestamptz[]) as n (entry_id, status, attempts, last_error, provider_message_id,
                                     next_attempt_at, created_at))sql"};

// Results of retries. Locks the deliveries, under the lock of their cursor. As add_deliveries.
inline constexpr statement change_deliveries{"change_deliveries", R"sql(
update deliveries d set status = n.status, attempts = n.attempts, last_error = n.last_error,
  provider_message_id = n.provider_message_id, next_attempt_at = n.next_attempt_at,
  updated_at = $8::timestamptz
from unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[])
  as n (entry_id, status, attempts, last_error, provider_message_id, next_attempt_at)
where d.subscriber_id = $1::bigint and d.entry_id = n.entry_id)sql"};

// Columns that few results have: copies, and a known channel (0: none). Locks the deliveries, under
// the lock of their cursor. $1 subscriber, $2 entries, $3 copies, $4 channels.
inline constexpr statement mark_deliveries{"mark_deliveries", R"sql(
update deliveries d set copies = n.copies, channel = nullif(n.channel, 0)
from unnest($2::bigint[], $3::smallint[], $4::smallint[]) as n (entry_id, copies, channel)
where d.subscriber_id = $1::bigint and d.entry_id = n.entry_id)sql"};

// ---- pages of deliveries, retries by hand, pruning ----------------------------------------------

// One snapshot for all reads of a page.
inline constexpr statement begin_snapshot{"begin_snapshot",
                                          "begin isolation level repeatable read read only"};

// No locks.
inline constexpr statement list_places{"list_places", R"sql(
select b.id, b.name, b.wants_payments, b.wants_refunds, s.id, coalesce(e.last, 0) + 1,
  coalesce(c.position, 0), coalesce(c.kept_from, 0)
from streams s left join lateral (
  select id & ((1::bigint << 41) - 1) as last from ledger_entries
  where id > s.id << 41 and id < (s.id + 1) << 41 order by id desc limit 1) e on true
cross join subscribers b
left join cursors c on c.subscriber_id = b.id and c.stream_id = s.id)sql"};

// The newest entry's number of each stream. No locks.
inline constexpr statement stream_ends{"stream_ends", R"sql(
select s.id, e.last from streams s cross join lateral (
  select id & ((1::bigint << 41) - 1) as last from ledger_entries
  where id > s.id << 41 and id < (s.id + 1) << 41 order by id desc limit 1) e
order by s.id)sql"};

// No locks. A handful of rows.
inline constexpr statement list_claimed{"list_claimed", R"sql(
select subscriber_id, stream_id, first_entry, last_entry from claims
where first_entry is not null)sql"};

// No locks. Each by the primary key of what it walks through, downwards.
// $1 subscriber, $2 above, $3 below, $4 how many to look at.
inline constexpr statement list_ledger{"list_ledger", R"sql(
select e.id, e.kind, e.order_id, e.created_at, d.status, d.attempts, d.last_error,
  d.provider_message_id, d.next_attempt_at, d.updated_at, d.delivered_at, d.channel
from (select * from ledger_entries where id > $2::bigint and id < $3::bigint
      order by id desc limit $4::bigint) e
left join deliveries d on d.subscriber_id = $1::bigint and d.entry_id = e.id
order by e.id desc)sql"};
inline constexpr statement list_stored{"list_stored", R"sql(
select d.entry_id, e.kind, e.order_id, e.created_at, d.status, d.attempts, d.last_error,
  d.provider_message_id, d.next_attempt_at, d.updated_at, d.delivered_at, d.channel
from (select * from deliveries
      where subscriber_id = $1::bigint and entry_id > $2::bigint and entry_id < $3::bigint
      order by entry_id desc limit $4::bigint) d
left join ledger_entries e on e.id = d.entry_id
order by d.entry_id desc)sql"};

// No locks. The condition repeats what the index is partial by. $1 order. Gives its payment and its
// refunds, the newest 10,000.
inline constexpr statement entries_of_order{"entries_of_order", R"sql(
select payment_entry_id as id from orders where id = $1::bigint and payment_entry_id is not null
union all
select id from ledger_entries where order_id = $1::bigint and kind = 2
order by 1 desc limit 10000)sql"};

// No locks. By the partial index: the condition repeats what the index is partial by. $5 status.
inline constexpr statement list_undelivered{"list_undelivered", R"sql(
select d.entry_id, e.kind, e.order_id, e.created_at, d.status, d.attempts, d.last_error,
  d.provider_message_id, d.next_attempt_at, d.updated_at, d.delivered_at, d.channel
from (select * from deliveries
      where subscriber_id = $1::bigint and status = $5::bigint and status <> 1
      and entry_id > $2::bigint and entry_id < $3::bigint
      order by entry_id desc limit $4::bigint) d
left join ledger_entries e on e.id = d.entry_id
order by d.entry_id desc)sql"};

// Locks those deliveries that are FAILED, by rising id, and no stream: whoever delivers finds them
// by their time. $1 names of subscribers, $2 entries.
inline constexpr statement lock_failed{"lock_failed", R"sql(
select b.name, d.entry_id
from unnest($1::text[], $2::bigint[]) as n (name, entry_id)
join subscribers b on b.name = n.name
join deliveries d on d.subscriber_id = b.id and d.entry_id = n.entry_id
where d.status = 2 order by d.subscriber_id, d.entry_id for update of d)sql"};

// Of those that lock_failed has locked. $1 names of subscribers, $2 entries, $3 now.
inline constexpr statement retry_deliveries{"retry_deliveries", R"sql(
update deliveries d set status = 0, next_attempt_at = $3::timestamptz,
  updated_at = $3::timestamptz, copies = 0, channel = null
from unnest($1::text[], $2::bigint[]) as n (name, entry_id)
join subscribers b on b.name = n.name
where d.subscriber_id = b.id and d.entry_id = n.entry_id)sql"};

// The number of the first entry that is not to be pruned: what an open claim holds has no rows yet.
// No locks: under the lock of the cursor. $1 subscriber, $2 stream.
inline constexpr statement prune_end{"prune_end", R"sql(
select coalesce((select min(first_entry) from claims
                 where subscriber_id = $1::bigint and stream_id = $2::bigint),
                (select ($2::bigint << 41 | position) + 1 from cursors
                 where subscriber_id = $1::bigint and stream_id = $2::bigint)))sql"};

// Looks at deliveries behind a place, deletes what of it is old, and notes how far that went.
// Locks the deleted rows, under the lock of their cursor. $1 subscriber, $2 stream, $3 behind which
// entry, $4 below which, $5 how many, $6 the time, $7 now: what is later was written by a clock
// that was ahead, and ends nothing. Gives how many were looked at and old enough to have been, the
// last of them, and how many are gone.
inline constexpr statement prune{"prune", R"sql(
with looked_at as materialized (
  select entry_id, status, created_at, updated_at from deliveries
  where subscriber_id = $1::bigint and entry_id > $3::bigint and entry_id < $4::bigint
  order by entry_id limit $5::bigint),
aged as materialized (
  select entry_id, status, updated_at from looked_at
  where entry_id < coalesce((select min(entry_id) from looked_at
                             where created_at >= $6::timestamptz
                             and created_at <= $7::timestamptz), $4::bigint)),
gone as (
  delete from deliveries d using aged a
  where d.subscriber_id = $1::bigint and d.entry_id = a.entry_id
  and a.status = 1 and a.updated_at < $6::timestamptz
  returning d.entry_id),
noted as (
  update cursors set kept_from = greatest(kept_from,
    (select coalesce(max(entry_id) & ((1::bigint << 41) - 1), 0) from gone))
  where subscriber_id = $1::bigint and stream_id = $2::bigint and exists (select from gone))
select (select count(*) from aged), (select max(entry_id) from aged), (select count(*) from gone))sql"};

// ---- what finally became of messages ------------------------------------------------------------

// The first time: what comes from now on is read. No locks but that of the new row. $1 name, $2 the
// time.
inline constexpr statement add_results_mark{"add_results_mark", R"sql(
insert into result_marks (subscriber_id, read_until, lease_until, turn)
select id, $2::timestamptz, $2::timestamptz, 0 from subscribers where name = $1::text
on conflict do nothing)sql"};

// Locks the mark. $1 name.
inline constexpr statement lock_results_mark{"lock_results_mark", R"sql(
select m.subscriber_id, m.read_until, m.lease_until, m.turn,
  (select min(since) from claims c where c.subscriber_id = m.subscriber_id),
  (select value from meta where name = 'instance')
from result_marks m join subscribers b on b.id = m.subscriber_id
where b.name = $1::text for update of m)sql"};

// Under the lock of the mark. $1 subscriber, $2 from when, $3 the lease's end.
inline constexpr statement take_results_turn{"take_results_turn", R"sql(
update result_marks set read_until = $2::timestamptz, lease_until = $3::timestamptz,
  turn = turn + 1 where subscriber_id = $1::bigint)sql"};

// Locks the mark. A turn that goes on has a lease; one that is over has none. $1 subscriber, $2 its
// turn, $3 from when the next turn begins, $4 the lease's end.
inline constexpr statement keep_results_turn{"keep_results_turn", R"sql(
update result_marks set read_until = $3::timestamptz, lease_until = $4::timestamptz
where subscriber_id = $1::bigint and turn = $2::bigint returning turn)sql"};

// Has results read again from an earlier time; the turn that goes on is void. Locks the mark.
// $1 subscriber, $2 from when, $3 now.
inline constexpr statement read_results_again{"read_results_again", R"sql(
update result_marks set read_until = $2::timestamptz, lease_until = $3::timestamptz,
  turn = turn + 1 where subscriber_id = $1::bigint and read_until > $2::timestamptz)sql"};

// Locks the deliveries that it changes. $1 subscriber, $2 entries, $3 times, $4 errors, $5 what the
// provider's ids begin with, $6 now, $7 channels (0: not known). Gives how many have arrived and
// how many have failed.
inline constexpr statement note_results{"note_results", R"sql(
with changed as (
  update deliveries d set delivered_at = n.delivered_at, updated_at = $6::timestamptz,
    status = case when n.delivered_at is null then 2 else 1 end,
    channel = coalesce(nullif(n.channel, 0), d.channel),
    last_error = case when n.delivered_at is null then n.last_error else d.last_error end
  from unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $7::smallint[])
    as n (entry_id, delivered_at, last_error, call_id, channel)
  where d.subscriber_id = $1::bigint and d.entry_id = n.entry_id
  and d.status = 1 and d.delivered_at is null
  and starts_with(coalesce(d.provider_message_id, n.call_id), n.call_id)
  returning d.status)
select count(*) filter (where status = 1), count(*) filter (where status = 2) from changed)sql"};

} // namespace paymentd::db::postgres::sql
