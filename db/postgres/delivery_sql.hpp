// Statements of delivery: subscribers, and the steps on their cursors, claims and deliveries
// (claims.cpp, delivery.cpp, step_writer.cpp). The order of locks stands in session_sql.hpp.
#pragma once

#include "db/joined_text.hpp"
#include "db/postgres/columns.hpp"
#include "db/postgres/statement.hpp"

namespace paymentd::db::postgres::sql {

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

// Holds up steps, leases and imports, and waits for those under way: so no step goes by kinds that
// change beside it. First the table that an import locks first.
inline constexpr statement lock_subscribers{"lock_subscribers",
                                            "lock table subscribers in row exclusive mode"};
inline constexpr statement lock_all_cursors{"lock_all_cursors",
                                            "lock table cursors in exclusive mode"};

// In the stream that has most. $1 name.
inline constexpr statement count_former_kinds{"count_former_kinds", R"sql(
select coalesce(max(n), 0) from (
  select count(*) as n from former_kinds
  where subscriber_id = (select id from subscribers where name = $1::text)
  group by stream_id) f)sql"};

// The present kinds hold for all that is committed, as far as no earlier ones do. A batch in
// flight commits numbers above these. No locks but those of the new rows, under that of the
// cursors. $1 subscriber.
inline constexpr statement add_former_kinds{"add_former_kinds", R"sql(
insert into former_kinds (subscriber_id, stream_id, last, wants_payments, wants_refunds)
select b.id, s.id, e.last, b.wants_payments, b.wants_refunds
from subscribers b cross join streams s cross join lateral (
  select id & ((1::bigint << 41) - 1) as last from ledger_entries
  where id > s.id << 41 and id < (s.id + 1) << 41 order by id desc limit 1) e
where b.id = $1::bigint and e.last > coalesce(
  (select max(f.last) from former_kinds f where f.subscriber_id = b.id and f.stream_id = s.id), 0))sql"};

// Locks the subscriber, under the lock of the cursors. $1 subscriber, $2 wants payments, $3 wants
// refunds.
inline constexpr statement set_subscriber_kinds{"set_subscriber_kinds", R"sql(
update subscribers set wants_payments = $2::boolean, wants_refunds = $3::boolean
where id = $1::bigint)sql"};

// $1 subscriber.
inline constexpr statement note_kinds_change{"note_kinds_change", R"sql(
update cursors set kinds_changes = kinds_changes + 1 where subscriber_id = $1::bigint)sql"};

// A row for each stretch of the stream; where the kinds have never changed, one without the rest.
// No locks: under the lock of the cursor, which is locked by a statement before, nobody changes
// them. $1 subscriber, $2 stream.
inline constexpr statement subscriber_wants{"subscriber_wants", R"sql(
select b.wants_payments, b.wants_refunds, f.last, f.wants_payments, f.wants_refunds
from subscribers b left join former_kinds f on f.subscriber_id = b.id and f.stream_id = $2::bigint
where b.id = $1::bigint order by f.last)sql"};

// A new subscriber starts behind what is committed: what a batch in flight writes comes later.
// No locks but those of the new rows. $1 subscriber.
inline constexpr statement add_cursors_at_end{"add_cursors_at_end",
                                              R"sql(
insert into cursors (subscriber_id, stream_id, position, kept_from)
select $1::bigint, s.id, coalesce(e.last, 0), coalesce(e.last, 0)
from streams s left join lateral (
  select id & ((1::bigint << 41) - 1) as last from ledger_entries
  where id > s.id << 41 and id < (s.id + 1) << 41 order by id desc limit 1) e on true)sql"};

// Locks the cursor (update): one step at a time. The last column is the fence: whether it is still
// this owner's under this epoch. $1 subscriber, $2 stream, $3 owner, $4 epoch.
inline constexpr statement lock_cursor{"lock_cursor", R"sql(
select position, kinds_changes, ctid, owner = $3::text and epoch = $4::bigint
from cursors where subscriber_id = $1::bigint and stream_id = $2::bigint for update)sql"};

// The same by the address that the cursor had after the step before: by its key, each look would
// pass all its dead versions for as long as anybody holds an old snapshot. No row where it has
// moved. $5 address.
inline constexpr statement lock_cursor_at{"lock_cursor_at", R"sql(
select position, kinds_changes, ctid, owner = $3::text and epoch = $4::bigint
from cursors
where ctid = $5::tid and subscriber_id = $1::bigint and stream_id = $2::bigint for update)sql"};

// The row is locked by this transaction already. Gives its new address. $1 address, $2 position.
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

// The tries of a claim that stays open, in the place of those before. Under the lock of its cursor.
// $1 claim, $2 subscriber, $3 stream, $4 times, $5 milliseconds, $6 outcomes, $7 details.
inline constexpr statement note_tries{"note_tries", joined<R"sql(
update claims set tries = (
  select )sql",
                                                           joined_tries, R"sql(
  from unnest($4::timestamptz[], $5::bigint[], $6::smallint[], $7::text[])
    with ordinality as u (tried_at, took_ms, outcome, detail, place))
where id = $1::bigint and subscriber_id + 0 = $2::bigint
and stream_id + 0 = $3::bigint)sql">};

// The tries of all open claims: the claim's id, then a try, oldest first. No locks. $1 subscriber,
// $2 stream.
inline constexpr statement tries_of_claims{"tries_of_claims", joined<"select c.id, ", try_columns,
                                                                     R"sql(
from claims c cross join lateral jsonb_array_elements(
  case when jsonb_typeof(c.tries) = 'array' then c.tries else '[]'::jsonb end)
  with ordinality as o (one, place)
where c.subscriber_id = $1::bigint and c.stream_id = $2::bigint and jsonb_typeof(o.one) = 'object'
order by c.id, o.place)sql">};

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
inline constexpr statement events_of_range{"events_of_range",
                                           joined<"select e.id, ", event_columns, R"sql(,
  case when $4::boolean then u.reference end, case when $4::boolean then u.metadata end
from ledger_entries e
left join orders o on o.id = e.order_id left join users u on u.id = o.user_id
where e.id >= $1::bigint and e.id <= $2::bigint and e.kind = any ($3::smallint[])
order by e.id)sql">};

// Looks ahead of a cursor, at so many numbers behind the first entry there (numbers_looked_at): by
// end_of_look, then by events_ahead. Numbers bound the look, since to count entries cost a quarter
// of all that a message takes. A stream's numbers are committed in order, so no entry that is
// passed commits later: all that end_of_look passes, events_ahead can see, which comes after it. No
// locks: under the lock of the cursor.

// The last entry of the look, wanted or not (null: there is none), and whether there are more.
// $1 behind which entry, $2 below which, $3 how many numbers.
inline constexpr statement end_of_look{"end_of_look", R"sql(
select (select id from ledger_entries
        where id >= f.first and id < least(f.first + $3::bigint, $2::bigint)
        order by id desc limit 1),
  exists (select from ledger_entries where id >= f.first + $3::bigint and id < $2::bigint)
from (select min(id) as first from ledger_entries
      where id > $1::bigint and id < $2::bigint) f)sql"};

// The first wanted entries of the look. $1 behind which entry, $2 below which, $3 kinds, $4 how
// many events, $5 how many numbers, $6 as $4 of events_of_range.
inline constexpr statement events_ahead{"events_ahead",
                                        joined<"select e.id, ", event_columns, R"sql(,
  case when $6::boolean then u.reference end, case when $6::boolean then u.metadata end
from ledger_entries e
left join orders o on o.id = e.order_id left join users u on u.id = o.user_id
where e.id > $1::bigint and e.id < least($2::bigint, $5::bigint + (
    select min(id) from ledger_entries where id > $1::bigint and id < $2::bigint))
  and e.kind = any ($3::smallint[])
order by e.id limit $4::bigint)sql">};

// The same without the events, which are remembered. $1 to $5 as there.
inline constexpr statement entries_ahead{"entries_ahead", R"sql(
select e.id from ledger_entries e
where e.id > $1::bigint and e.id < least($2::bigint, $5::bigint + (
    select min(id) from ledger_entries where id > $1::bigint and id < $2::bigint))
  and e.kind = any ($3::smallint[])
order by e.id limit $4::bigint)sql"};

// No locks. A row for each of the entries, also where there is none. $1 entries, $2 subscriber, $3
// as $4 of events_of_range.
inline constexpr statement events_of_list{"events_of_list",
                                          joined<"select n.id, ", event_columns, R"sql(,
  case when $3::boolean then u.reference end, case when $3::boolean then u.metadata end,
  coalesce(d.attempts, 0)::bigint, coalesce(d.copies, 0)::bigint
from unnest($1::bigint[]) as n (id) left join ledger_entries e on e.id = n.id
left join orders o on o.id = e.order_id left join users u on u.id = o.user_id
left join deliveries d on d.subscriber_id = $2::bigint and d.entry_id = n.id
order by n.id)sql">};

// No locks: under the lock of the cursor. By the partial index: only what waits is looked at. What
// is in doubt at one of the providers of $5 is left out, or where $6 holds taken alone.
// $1 subscriber, $2 stream, $3 now, $4 how many.
inline constexpr statement due_retries{"due_retries", R"sql(
select entry_id, next_attempt_at, case when copies > 0 then copies_by end from deliveries
where subscriber_id = $1::bigint and entry_id >> 41 = $2::bigint
and next_attempt_at is not null and next_attempt_at <= $3::timestamptz and status = 0
and coalesce(copies > 0 and copies_by = any ($5::text[]), false) = $6::boolean
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
// The arrays are taken apart beside `select`: behind `from`, all their elements are kept before the
// first row is inserted, which took a sixth of the whole insert. $1 subscriber, $2 entries,
// $3 statuses, $4 attempts, $5 errors, $6 provider's ids, $7 times of the next try, $8 times of the
// entries, $9 now.
inline constexpr statement add_deliveries{"add_deliveries", R"sql(
insert into deliveries (subscriber_id, entry_id, attempts, status, provider_message_id, last_error,
  next_attempt_at, created_at, updated_at)
select $1::bigint, unnest($2::bigint[]), unnest($4::bigint[]), unnest($3::smallint[]),
  unnest($6::text[]), unnest($5::text[]), unnest($7::timestamptz[]), unnest($8::timestamptz[]),
  $9::timestamptz)sql"};

// The same where all were DELIVERED at the first try, as nearly all are. $1 subscriber, $2 entries,
// $3 provider's ids, $4 times of the entries, $5 now.
inline constexpr statement add_delivered{"add_delivered", R"sql(
insert into deliveries (subscriber_id, entry_id, attempts, status, provider_message_id, created_at,
  updated_at)
select $1::bigint, unnest($2::bigint[]), 1, 1, unnest($3::text[]), unnest($4::timestamptz[]),
  $5::timestamptz)sql"};

// The address of the delivery of subscriber $1 to the entry of `u`. An update by it looks each row
// up by its key. One that joins by the key may go over all deliveries of the subscriber for each
// row instead, by a plan that was made while there were none. The rows stay where they are: nobody
// else changes a delivery under the lock of its cursor but a retry, which takes FAILED ones alone.
inline constexpr shared_text delivery_address = R"sql(
  (select x.ctid from deliveries x
   where x.subscriber_id = $1::bigint and x.entry_id = u.entry_id) as address)sql";

// Results of retries. Locks the deliveries, under the lock of their cursor. As add_deliveries.
inline constexpr statement change_deliveries{"change_deliveries", joined<R"sql(
update deliveries d set status = n.status, attempts = n.attempts, last_error = n.last_error,
  provider_message_id = n.provider_message_id, next_attempt_at = n.next_attempt_at,
  updated_at = $8::timestamptz
from (select u.*, )sql",
                                                                         delivery_address, R"sql(
  from unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[])
    as u (entry_id, status, attempts, last_error, provider_message_id, next_attempt_at)) n
where d.ctid = n.address)sql">};

// Columns that few results have: copies, and a known channel (0: none). Locks the deliveries, under
// the lock of their cursor. $1 subscriber, $2 entries, $3 copies, $4 channels.
inline constexpr statement mark_deliveries{"mark_deliveries", joined<R"sql(
update deliveries d set copies = n.copies, channel = nullif(n.channel, 0)
from (select u.*, )sql",
                                                                     delivery_address, R"sql(
  from unnest($2::bigint[], $3::smallint[], $4::smallint[]) as u (entry_id, copies, channel)) n
where d.ctid = n.address)sql">};

// The providers at which messages that wait are in doubt. Few are. Locks the deliveries, under the
// lock of their cursor. $1 subscriber, $2 entries, $3 providers.
inline constexpr statement set_copies_by{"set_copies_by", joined<R"sql(
update deliveries d set copies_by = nullif(n.copies_by, '')
from (select u.*, )sql",
                                                                 delivery_address, R"sql(
  from unnest($2::bigint[], $3::text[]) as u (entry_id, copies_by)) n
where d.ctid = n.address)sql">};

// Tries of messages, behind those that are stored; of each message the last ones are kept. Locks
// the deliveries, under the lock of their cursor. $1 subscriber, $2 entries, $3 times, $4
// milliseconds, $5 outcomes, $6 details, $7 how many are kept of each.
inline constexpr statement add_tries{"add_tries",
                                     joined<R"sql(
update deliveries d set tries = (
  select jsonb_agg(k.one order by k.place) from (
    select o.one, o.place from jsonb_array_elements(
      case when jsonb_typeof(d.tries) = 'array' then d.tries else '[]'::jsonb end || n.tries)
      with ordinality as o (one, place)
    order by o.place desc limit $7::bigint) k)
from (
  select )sql",
                                            delivery_address, ", ", joined_tries, R"sql( as tries
  from unnest($2::bigint[], $3::timestamptz[], $4::bigint[], $5::smallint[], $6::text[])
    with ordinality as u (entry_id, tried_at, took_ms, outcome, detail, place)
  group by u.entry_id) n
where d.ctid = n.address)sql">};

} // namespace paymentd::db::postgres::sql
