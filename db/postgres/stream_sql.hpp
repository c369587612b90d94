// Statements on leases (streams.cpp, settle.cpp): of a stream to write to, with its numbers, and of
// the deliveries from streams to subscribers. The order of locks stands in session_sql.hpp.
#pragma once

#include "db/postgres/statement.hpp"

namespace paymentd::db::postgres::sql {

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

} // namespace paymentd::db::postgres::sql
