// Every statement of an import on PostgreSQL (import.cpp), in the order that they are executed.
// Those that lock rows which are there already, or a table, say so.
#pragma once

namespace paymentd::db::postgres::import_sql {

// Hours may be fine; waiting for a lock, while others wait for ours, is not.
inline constexpr const char* begin_session = R"sql(
set search_path = paymentd;
set statement_timeout = 0;
set idle_in_transaction_session_timeout = 0;
set lock_timeout = '10s';
set client_encoding = 'UTF8';
set client_min_messages = 'warning';
set work_mem = '64MB';
set jit = off;
select set_config('synchronous_commit', case current_setting('synchronous_commit')
                  when 'off' then 'on' else current_setting('synchronous_commit') end, false))sql";

inline constexpr const char* imported_at =
    "select (extract(epoch from imported_at) * 1000)::bigint from imports where digest = $1";

// ---- staging: nothing is locked ----------------------------------------------------------------

// `n` counts from 0, and so do the file's entries: `entries_before` are those of the rows before,
// `payment` and `refund` the numbers of an order's own.
inline constexpr const char* stage_users = R"sql(
create temp table staged (n bigint, line bigint, reference text, phone text, balance bigint,
  metadata text, created_at timestamptz, entries_before bigint))sql";
inline constexpr const char* stage_orders = R"sql(
create temp table staged (n bigint, line bigint, reference text, user_id bigint,
  user_reference text, coupon_id bigint, total bigint, discount bigint, status smallint,
  refunded bigint, metadata text, created_at timestamptz, updated_at timestamptz,
  entries_before bigint, entries bigint, payment bigint, refund bigint))sql";
inline constexpr const char* copy_staged = "copy pg_temp.staged from stdin";
// A user who is told by the reference.
inline constexpr const char* find_users = R"sql(
update pg_temp.staged s set user_id = u.id from users u
where s.user_reference is not null and u.reference = s.user_reference)sql";
inline constexpr const char* analyze = "analyze pg_temp.staged";

// The faults: line, column, message, and how many there are in all.
inline constexpr const char* faults_of_users = R"sql(
select f.line, 'reference', 'is another user''s', count(*) over () from (
  select s.line from pg_temp.staged s
  where exists (select from users u where u.reference = s.reference)
  union
  select s.line from (
    select line, row_number() over (partition by reference order by n) as used
    from pg_temp.staged where reference is not null) s where s.used > 1) f
order by f.line limit 20)sql";
inline constexpr const char* faults_of_orders = R"sql(
select f.line, f.name, f.message, count(*) over () from (
  select s.line, case when s.user_reference is null then 'userId' else 'userReference' end as name,
    case when s.user_reference is null then 'no user has this id'
    else 'no user has this reference' end as message from pg_temp.staged s
  where not exists (select from users u where u.id = s.user_id)
  union
  select s.line, 'reference', 'is another order''s' from pg_temp.staged s
  where exists (select from orders o where o.reference = s.reference)
  union
  select s.line, 'reference', 'is another order''s' from (
    select line, row_number() over (partition by reference order by n) as used
    from pg_temp.staged where reference is not null) s where s.used > 1
  union
  select s.line, 'totalAmount', 'is more than the user''s balance leaves room for'
  from pg_temp.staged s join users u on u.id = s.user_id
  where s.entries > 0 and u.balance > 9007199254740991 - (s.total - s.discount)) f
order by f.line, f.name limit 20)sql";

// ---- reserving ----------------------------------------------------------------------------------

inline constexpr const char* reserve_ids = R"sql(
update id_blocks set next = greatest(next, $1::bigint) + $2::bigint where kind = 'KIND'
returning next - $2::bigint)sql";
// Until the commit nobody takes the stream over, so nothing is written behind the import's entries
// before they are there: those who follow the events would miss them. Locks its row (no key
// update).
inline constexpr const char* hold_stream =
    "select id from streams where id = $1::bigint and epoch = 1 and owner = '' "
    "for no key update";
// Leased by nobody, so that who starts next takes it over. No row where another one was added at
// once. $1 the clock's floor of streams, $2 the next number, $3 the largest stream.
inline constexpr const char* add_stream = R"sql(
insert into streams (id, owner, epoch, next, ended_next, lease_until)
select m.id, '', 1, $2::bigint, 1, now()
from (select greatest(coalesce(max(id), 0) + 1, $1::bigint) as id from streams) m
where m.id <= $3::bigint on conflict do nothing returning id)sql";

// ---- the transaction ----------------------------------------------------------------------------

// Waits for another import of the same file; no row where that was first.
inline constexpr const char* add_import = R"sql(
insert into imports (digest, kind, row_count, first_entry, last_entry, imported_at)
values ($1, $2, $3::bigint, nullif($4::bigint, 0), nullif($5::bigint, 0),
  to_timestamp($6::bigint / 1000.0)) on conflict do nothing returning digest)sql";

// $1 the first user.
inline constexpr const char* add_users = R"sql(
insert into users (id, balance, last_sequence, created_at, updated_at, phone, reference, metadata)
select $1::bigint + n, balance, case when balance > 0 then 1 else 0 end, created_at, created_at,
  coalesce(phone, ''), reference, metadata
from pg_temp.staged order by n)sql";
// The times are those of imported_entry_time. $1 the first user, $2 the first entry, $3 how many
// entries, $4 so many in a millisecond, $5 now in ms.
inline constexpr const char* add_balances = R"sql(
insert into ledger_entries (id, user_id, sequence, order_id, amount, balance_after, created_at, kind,
  reason)
select $2::bigint + entries_before, $1::bigint + n, 1, null, balance, balance,
  to_timestamp(($5::bigint - ($3::bigint - 1 - entries_before) / $4::bigint) / 1000.0), 0, 'import'
from pg_temp.staged where balance > 0 order by n)sql";

// $1 the first order, $2 the first entry.
inline constexpr const char* add_orders = R"sql(
insert into orders (id, user_id, total, discount, coupon_id, payment_entry_id, refund_entry_id,
  created_at, updated_at, status, refunded, reference, metadata)
select $1::bigint + n, user_id, total, discount, coupon_id, $2::bigint + payment,
  $2::bigint + refund, created_at, updated_at, status, refunded, reference, metadata
from pg_temp.staged order by n)sql";
inline constexpr const char* copy_entries =
    "copy ledger_entries (id, user_id, sequence, order_id, amount, balance_after, created_at, "
    "kind, reason, refunded_after) from stdin";

// Locks the users that get entries (no key update) by rising id.
inline constexpr const char* lock_users = R"sql(
with payers as materialized (select distinct user_id from pg_temp.staged where entries > 0)
select count(*) from (
  select u.id from users u join payers p on p.user_id = u.id order by u.id
  for no key update of u) locked)sql";
// The orders that bring entries, with what their users have by then.
inline constexpr const char* read_paid_orders = R"sql(
declare paid no scroll cursor for
select s.n, s.user_id, s.total, s.discount, s.status, s.refunded, s.entries_before, u.balance,
  u.last_sequence + coalesce(sum(s.entries) over (
    partition by s.user_id order by s.n rows between unbounded preceding and 1 preceding), 0)
from pg_temp.staged s join users u on u.id = s.user_id where s.entries > 0 order by s.n)sql";
inline constexpr const char* fetch_paid_orders = "fetch 10000 from paid";
inline constexpr const char* raise_sequences = R"sql(
update users u set last_sequence = u.last_sequence + p.entries
from (select user_id, sum(entries) as entries from pg_temp.staged where entries > 0
      group by user_id) p
where u.id = p.user_id)sql";

// Moves the cursors of all subscribers past the entries. A subscriber that registers meanwhile
// waits for the commit, and then begins behind them as well. $1 stream, $2 the last number.
inline constexpr const char* lock_subscribers =
    "lock table subscribers in share row exclusive mode";
inline constexpr const char* pass_by = R"sql(
insert into cursors (subscriber_id, stream_id, position, kept_from)
select id, $1::bigint, $2::bigint, $2::bigint from subscribers
on conflict (subscriber_id, stream_id) do update
set position = greatest(cursors.position, excluded.position),
  kept_from = greatest(cursors.kept_from, excluded.kept_from))sql";
inline constexpr const char* finish = "analyze users, orders, ledger_entries";

} // namespace paymentd::db::postgres::import_sql
