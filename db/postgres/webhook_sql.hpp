// Statements of webhooks, of what deleted ones leave behind, and of replays (webhooks.cpp). The
// order of locks stands in session_sql.hpp; the table of webhooks comes before all of it.
#pragma once

#include "db/joined_text.hpp"
#include "db/postgres/statement.hpp"
#include "db/webhook_columns.hpp"

namespace paymentd::db::postgres::sql {

// No locks.
inline constexpr statement all_webhooks{
    "all_webhooks",
    joined<"select ", webhook_columns,
           " from webhooks w join subscribers b on b.name = 'webhook-' || w.name order by w.name">};

// No locks. Whether something is left to tend, and the database's own name.
inline constexpr statement webhook_work_left{"webhook_work_left", R"sql(
select exists (select from replays) or exists (select from ended_subscribers),
  (select value from meta where name = 'instance'))sql"};

// Locks the table against all who change webhooks; who reads them goes on.
inline constexpr statement lock_webhooks{"lock_webhooks",
                                         "lock table webhooks in share row exclusive mode"};

// Under the lock of the table. $1 name, $2 URL, $3 secret, $4 old secrets, $5 enabled, $6 POSTs at
// once, $7 POSTs a second, $8 private network, $9 CA file, $10 content type, $11 time-out in ms,
// $12 failing since and $13 paused at (the beginning of 1970: neither), $14 created, $15 updated.
inline constexpr statement put_webhook{"put_webhook", R"sql(
insert into webhooks (name, url, secret, old_secrets, enabled, max_in_flight, max_per_second,
  allow_private_network, ca_file, content_type, timeout_ms, failing_since, paused_at, created_at,
  updated_at)
values ($1::text, $2::text, $3::text, $4::text, $5::boolean, $6::bigint, $7::bigint, $8::boolean,
  $9::text, $10::text, $11::bigint, nullif($12::timestamptz, to_timestamp(0)),
  nullif($13::timestamptz, to_timestamp(0)), $14::timestamptz, $15::timestamptz)
on conflict (name) do update set url = excluded.url, secret = excluded.secret,
  old_secrets = excluded.old_secrets, enabled = excluded.enabled,
  max_in_flight = excluded.max_in_flight, max_per_second = excluded.max_per_second,
  allow_private_network = excluded.allow_private_network, content_type = excluded.content_type,
  failing_since = excluded.failing_since, paused_at = excluded.paused_at,
  updated_at = excluded.updated_at)sql"};

// Under the lock of the table. $1 name.
inline constexpr statement delete_webhook{"delete_webhook",
                                          "delete from webhooks where name = $1::text"};

// No locks but that of the new row. $1 name.
inline constexpr statement mark_taken_over{"mark_taken_over", R"sql(
insert into meta (name, value) values ($1::text, 'yes') on conflict do nothing returning name)sql"};

// ---- deleted subscribers ------------------------------------------------------------------------

// Each of these locks what it deletes. The cursors come first, as in a step; before them
// lock_subscribers, since an import that holds that table waits for cursors. $1 name.
inline constexpr statement delete_cursors_of{"delete_cursors_of", R"sql(
delete from cursors where subscriber_id in (select id from subscribers where name = $1::text))sql"};
inline constexpr statement delete_claims_of{"delete_claims_of", R"sql(
delete from claims where subscriber_id in (select id from subscribers where name = $1::text))sql"};
inline constexpr statement delete_replays_of{"delete_replays_of", R"sql(
delete from replays where subscriber_id in (select id from subscribers where name = $1::text))sql"};
inline constexpr statement delete_former_kinds_of{"delete_former_kinds_of", R"sql(
delete from former_kinds
where subscriber_id in (select id from subscribers where name = $1::text))sql"};
inline constexpr statement end_subscriber{"end_subscriber", R"sql(
with gone as (delete from subscribers where name = $1::text returning id)
insert into ended_subscribers (id) select id from gone)sql"};

// Locks the row; another process that clears it is passed by.
inline constexpr statement lock_ended{"lock_ended", R"sql(
select id from ended_subscribers order by id limit 1 for update skip locked)sql"};
// A process that did not know yet may have made some of the first two. Lock what they delete. $1
// subscriber.
inline constexpr statement clear_cursors{"clear_cursors",
                                         "delete from cursors where subscriber_id = $1::bigint"};
inline constexpr statement clear_claims{"clear_claims",
                                        "delete from claims where subscriber_id = $1::bigint"};
// $2 how many.
inline constexpr statement clear_deliveries{"clear_deliveries", R"sql(
delete from deliveries where subscriber_id = $1::bigint and entry_id = any (array(
  select entry_id from deliveries where subscriber_id = $1::bigint
  order by entry_id limit $2::bigint)))sql"};
inline constexpr statement forget_ended{"forget_ended",
                                        "delete from ended_subscribers where id = $1::bigint"};

// ---- replays ------------------------------------------------------------------------------------

// Up to where each stream was delivered by now, and no further back than the subscriber is old.
// Another replay takes the place of one that goes on. Locks the rows of such a one. $1 name, $2
// from when.
inline constexpr statement add_replays{"add_replays", R"sql(
insert into replays (subscriber_id, stream_id, from_time, next, last)
select b.id, c.stream_id, greatest($2::timestamptz, b.created_at), 0, c.position
from subscribers b join cursors c on c.subscriber_id = b.id
where b.name = $1::text and c.position > 0 order by c.stream_id
on conflict (subscriber_id, stream_id)
do update set from_time = excluded.from_time, next = 0, last = excluded.last)sql"};

// No locks. Those that have room for more: of each stream's messages that wait for a time, no more
// than $1 are counted. $2 how many at the most.
inline constexpr statement replays_with_room{"replays_with_room", R"sql(
select r.subscriber_id, r.stream_id from replays r
where (select count(*) from (
  select from deliveries d where d.entry_id >> 41 = r.stream_id
  and d.subscriber_id = r.subscriber_id and d.next_attempt_at is not null
  limit $1::bigint + 1) w) <= $1::bigint
order by 1, 2 limit $2::bigint)sql"};

// Locks the cursor, so that no step of the stream is under way, whoever delivers it. $1 subscriber,
// $2 stream.
inline constexpr statement lock_replayed{"lock_replayed", R"sql(
select position from cursors
where subscriber_id = $1::bigint and stream_id = $2::bigint for update)sql"};

// Locks the replay, under the lock of its cursor. No row where another process has made its step
// meanwhile, and there is no room for more. $1 subscriber, $2 stream, $3 as $1 of
// replays_with_room.
inline constexpr statement lock_replay{"lock_replay", R"sql(
select from_time, next, last from replays
where subscriber_id = $1::bigint and stream_id = $2::bigint
and (select count(*) from (
  select from deliveries d where d.entry_id >> 41 = $2::bigint
  and d.subscriber_id = $1::bigint and d.next_attempt_at is not null
  limit $3::bigint + 1) w) <= $3::bigint for update)sql"};

// No locks. $1 the first entry, $2 the last, $3 how many.
inline constexpr statement entries_from{"entries_from", R"sql(
select id, kind, created_at from ledger_entries
where id >= $1::bigint and id <= $2::bigint order by id limit $3::bigint)sql"};

// Imported entries, and those that are claimed. No locks: under the lock of the cursor. $1
// subscriber, $2 stream, $3 the first entry, $4 the last.
inline constexpr statement replay_gaps{"replay_gaps", R"sql(
select first_entry, last_entry from imports
where first_entry is not null and last_entry >= $3::bigint and first_entry <= $4::bigint
union all
select first_entry, last_entry from claims
where subscriber_id = $1::bigint and stream_id = $2::bigint and first_entry is not null)sql"};

// One that waits or is claimed already stays as it is. Locks the deliveries, by rising id, under
// the lock of their cursor. $1 subscriber, $2 entries, $3 their times, $4 now.
inline constexpr statement replay_entries{"replay_entries", R"sql(
insert into deliveries as d (subscriber_id, entry_id, created_at, updated_at, next_attempt_at,
  attempts, status)
select $1::bigint, n.entry_id, n.created_at, $4::timestamptz, $4::timestamptz, 0, 0
from unnest($2::bigint[], $3::timestamptz[]) as n (entry_id, created_at) order by n.entry_id
on conflict (subscriber_id, entry_id) do update set status = 0, next_attempt_at = $4::timestamptz,
  updated_at = $4::timestamptz, copies = 0, channel = null, delivered_at = null
where d.status <> 0)sql"};

// Under the lock of the replay. $1 subscriber, $2 stream, $3 the next number.
inline constexpr statement move_replay{"move_replay", R"sql(
update replays set next = $3::bigint
where subscriber_id = $1::bigint and stream_id = $2::bigint)sql"};
inline constexpr statement end_replay{"end_replay", R"sql(
delete from replays where subscriber_id = $1::bigint and stream_id = $2::bigint)sql"};

} // namespace paymentd::db::postgres::sql
