// Statements that nothing is sent by: retries by hand, pruning, the final results of messages,
// and the forgetting of idempotency keys. The order of locks stands in session_sql.hpp.
#pragma once

#include "db/joined_text.hpp"
#include "db/postgres/statement.hpp"

namespace paymentd::db::postgres::sql {

// ---- retries by hand, and pruning ---------------------------------------------------------------

// Locks those deliveries that are FAILED, by rising id, and no stream: whoever delivers finds them
// by their time. $1 names of subscribers, $2 entries.
inline constexpr statement lock_failed{"lock_failed", R"sql(
select b.name, d.entry_id
from unnest($1::text[], $2::bigint[]) as n (name, entry_id)
join subscribers b on b.name = n.name
join deliveries d on d.subscriber_id = b.id and d.entry_id = n.entry_id
where d.status = 2 order by d.subscriber_id, d.entry_id for update of d)sql"};

// Of those that lock_failed has locked, so they stay at their addresses; delivery_address says why
// by address. $1 names of subscribers, $2 entries, $3 now.
inline constexpr statement retry_deliveries{"retry_deliveries", R"sql(
update deliveries d set status = 0, next_attempt_at = $3::timestamptz,
  updated_at = $3::timestamptz, copies = 0, channel = null
from (select (select x.ctid from deliveries x
              where x.subscriber_id = b.id and x.entry_id = u.entry_id) as address
  from unnest($1::text[], $2::bigint[]) as u (name, entry_id)
  join subscribers b on b.name = u.name) n
where d.ctid = n.address)sql"};

// No locks. The first subscriber from $1 on, of the name $2 where that is not empty.
inline constexpr statement next_subscriber{"next_subscriber", R"sql(
select id, name from subscribers where id >= $1::bigint and $2::text in ('', name)
order by id limit 1)sql"};

// The next FAILED ones of that subscriber behind $3, by the partial index. Locks them, by rising
// id. $4 how many.
inline constexpr statement lock_next_failed{"lock_next_failed", R"sql(
select entry_id, created_at from deliveries
where subscriber_id = (select id from subscribers where id >= $1::bigint and $2::text in ('', name)
                       order by id limit 1)
  and status = 2 and status <> 1 and entry_id > $3::bigint
order by entry_id limit $4::bigint for update)sql"};

// Of those that lock_next_failed has locked. $1 subscriber, $2 entries, $3 now.
inline constexpr statement retry_entries{"retry_entries", R"sql(
update deliveries set status = 0, next_attempt_at = $3::timestamptz, updated_at = $3::timestamptz,
  copies = 0, channel = null
where subscriber_id = $1::bigint and entry_id = any ($2::bigint[]))sql"};

// The number of the first entry that is not to be pruned: what an open claim holds has no rows yet.
// No locks: under the lock of the cursor. $1 subscriber, $2 stream.
inline constexpr statement prune_end{"prune_end", R"sql(
select coalesce((select min(first_entry) from claims
                 where subscriber_id = $1::bigint and stream_id = $2::bigint),
                (select ($2::bigint << 41 | position) + 1 from cursors
                 where subscriber_id = $1::bigint and stream_id = $2::bigint)))sql"};

// Looks at deliveries behind an entry, deletes what of it is old, and notes how far that went.
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

// Notes final results in the deliveries `d` that the rows `n` are of, a try that did not arrive for
// those that failed. $1 subscriber, $5 now, $7 the outcome of such a try, $8 how many tries of a
// message are kept.
inline constexpr shared_text noted_results = R"sql(
with changed as (
  update deliveries d set delivered_at = n.delivered_at, updated_at = $5::timestamptz,
    status = case when n.delivered_at is null then 2 else 1 end,
    channel = coalesce(nullif(n.channel, 0), d.channel),
    last_error = case when n.delivered_at is null then n.last_error else d.last_error end,
    tries = case when n.delivered_at is not null then d.tries else
      (case when jsonb_typeof(d.tries) = 'array' then
        case when jsonb_array_length(d.tries) >= $8::bigint then d.tries - 0 else d.tries end
      else '[]'::jsonb end) || jsonb_build_object('at', $5::timestamptz, 'tookMs', 0,
        'outcome', $7::bigint, 'detail', n.last_error) end
  from )sql";
inline constexpr shared_text count_noted = R"sql(
  and d.subscriber_id = $1::bigint and d.status = 1 and d.delivered_at is null
  returning d.status)
select count(*) filter (where status = 1), count(*) filter (where status = 2) from changed)sql";

// Locks the deliveries that it changes. $1 subscriber, $2 entries, $3 times, $4 errors, $5 now,
// $6 channels (0: not known), $7 and $8 as above, $9 what the provider's ids begin with. Gives how
// many have arrived and how many have failed.
inline constexpr statement note_results{"note_results", joined<noted_results, R"sql(
  unnest($2::bigint[], $3::timestamptz[], $4::text[], $6::smallint[], $9::text[])
    as n (entry_id, delivered_at, last_error, channel, call_id)
  where d.entry_id = n.entry_id
  and starts_with(coalesce(d.provider_message_id, n.call_id), n.call_id))sql",
                                                               count_noted>};

// The same by the provider's ids ($2), where these are all that is known; an empty id is nobody's.
inline constexpr statement note_results_by_id{"note_results_by_id", joined<noted_results, R"sql(
  unnest($2::text[], $3::timestamptz[], $4::text[], $6::smallint[])
    as n (message_id, delivered_at, last_error, channel)
  where d.provider_message_id = n.message_id and d.provider_message_id like '#%')sql",
                                                                           count_noted>};

// Forgets old keys, some at a time. Locks them, skipping those that another process forgets now.
// $1 before when, $2 how many at the most.
inline constexpr statement forget_keys{"forget_keys", R"sql(
delete from idempotency_keys where key = any (array(
  select key from idempotency_keys where created_at < $1::timestamptz
  order by created_at limit $2::bigint for update skip locked)))sql"};

// No locks. Ahead of the cursors, in claims of new messages, and PENDING: waiting or claimed again.
// $1 name, $2 rows to look at, of each.
inline constexpr statement measure_backlog{"measure_backlog", R"sql(
select count(m.at), min(m.at) from subscribers b cross join lateral (
  (select e.kind, e.at from streams s
   left join cursors c on c.subscriber_id = b.id and c.stream_id = s.id
   cross join lateral (
     select l.kind, l.created_at as at from ledger_entries l
     where l.id > (s.id << 41) + coalesce(c.position, 0) and l.id < (s.id + 1) << 41
     order by l.id limit $2::bigint) e
   limit $2::bigint)
  union all
  (select l.kind, l.created_at from claims k
   join ledger_entries l on l.id >= k.first_entry and l.id <= k.last_entry
   where k.subscriber_id = b.id limit $2::bigint)
  union all
  (select null, d.created_at from deliveries d
   where d.subscriber_id = b.id and d.status = 0 and d.status <> 1
   order by d.entry_id limit $2::bigint)) m
where b.name = $1::text and (m.kind is null or (m.kind = 1 and b.wants_payments)
  or (m.kind = 2 and b.wants_refunds)))sql"};

// No locks. The results of audits, as db/noted_audit.hpp reads them.
inline constexpr statement get_audits{"get_audits", R"sql(
select name, began_at, took_ms, entries, orders, breaches, first_breaches, version
from audits where name in ('last', 'last_clean'))sql"};

} // namespace paymentd::db::postgres::sql
