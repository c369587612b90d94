// What the audit asks: each query gives one line of text for each breach of one group of rules.
// Each reads whole tables once, without a lock, in the snapshot that all of them share. The lines
// are those of the embedded store's audit. Only a breach is put into words, and lines come from an
// array: lateral VALUES, which read better, took nine times as long.
#pragma once

#include <array>

namespace paymentd::db::postgres::sql {

// A user's balance is the sum of the ledger entries, which count from 1 without gaps and hand the
// balance on from one to the next.
inline constexpr const char* audit_users = R"sql(
select unnest(array_remove(array[
  case when u.balance <> coalesce(e.sum, 0) then
     format('user %s: the balance is %s, its ledger entries sum to %s', u.id, u.balance,
          coalesce(e.sum, 0)) end,
  case when u.balance < 0 then
     format('user %s: the balance is negative: %s', u.id, u.balance) end,
  case when u.last_sequence <> coalesce(e.newest, 0) then
     format('user %s: the last sequence is %s, that of its newest ledger entry %s', u.id,
          u.last_sequence, coalesce(e.newest, 0)) end], null))
from users u
left join (select user_id, sum(amount) as sum, max(sequence) as newest
           from ledger_entries group by user_id) e on e.user_id = u.id)sql";

inline constexpr const char* audit_chains = R"sql(
select unnest(array_remove(array[
  case when u.id is null then
     format('ledger entry %s: user %s does not exist', e.id, e.user_id) end,
  case when u.id is not null and e.sequence <> e.before + 1 then
     format('user %s: ledger entry %s has sequence %s, expected %s', e.user_id, e.id, e.sequence,
          e.before + 1) end,
  case when u.id is not null and e.balance_after <> e.balance_before + e.amount then
     format('user %s: ledger entry %s leaves a balance of %s, expected %s', e.user_id, e.id,
          e.balance_after, e.balance_before + e.amount) end], null))
from (
  select user_id, id, sequence, amount, balance_after, lag(sequence, 1, 0::bigint) over w as before,
    lag(balance_after, 1, 0::bigint) over w as balance_before
  from ledger_entries window w as (partition by user_id order by sequence)) e
left join users u on u.id = e.user_id)sql";

// What a wrong value in a column would do was asked of each; those that would do harm are here and
// in audit_values. An hour and a day of difference between clocks are no breach.
inline constexpr const char* audit_phones = R"sql(
select format('user %s: the phone is none', id) from users
where phone !~ '^01[016789][0-9]{7,8}$')sql";

inline constexpr const char* audit_delivery_values = R"sql(
select format('subscriber %s: the delivery of ledger entry %s %s', b.name, d.entry_id, w.text)
from deliveries d join subscribers b on b.id = d.subscriber_id
cross join lateral unnest(array_remove(array[
  case when d.status not between 0 and 2 then
    format('is in no known status: %s', d.status) end,
  case when d.status <> 0 and d.next_attempt_at is not null then
    'is not PENDING, but has a next try' end,
  case when d.status <> 1 and d.delivered_at is not null then
    'is not DELIVERED, but has the time of its arrival' end,
  case when d.attempts < 0 or d.copies < 0 then
    format('has %s attempts and %s copies', d.attempts, d.copies) end,
  case when d.channel not in (1, 2) then
    format('came by no known channel: %s', d.channel) end], null)) as w (text)
where d.status not between 0 and 2 or (d.status <> 0 and d.next_attempt_at is not null)
or (d.status <> 1 and d.delivered_at is not null) or d.attempts < 0 or d.copies < 0
or d.channel not in (1, 2))sql";

// Small tables.
inline constexpr const char* audit_values = R"sql(
select format('subscriber %s: claim %s stands in stream %s, but holds ledger entry %s of another',
              b.name, c.id, c.stream_id, e.id)
from claims c join subscribers b on b.id = c.subscriber_id
cross join lateral unnest(array[c.first_entry, c.last_entry] || c.retries) as e (id)
where e.id >> 41 <> c.stream_id
union all
select format('subscriber %s: claim %s holds nothing that it wants', b.name, c.id)
from claims c join subscribers b on b.id = c.subscriber_id
where c.retries is null and not exists (
  select from ledger_entries e where e.id between c.first_entry and c.last_entry
  and (e.kind = 1 and b.wants_payments or e.kind = 2 and b.wants_refunds))
union all
select format('claim %s: its generation is %s', id, generation) from claims where generation < 1
union all
select format('subscriber %s: its results are read up to a time in the future', b.name)
from result_marks m join subscribers b on b.id = m.subscriber_id
where m.read_until > clock_timestamp() + interval '1 hour'
union all
select format('a results mark names subscriber %s, which does not exist', m.subscriber_id)
from result_marks m where not exists (select from subscribers b where b.id = m.subscriber_id)
union all
select format('the instance of the database is ''%s'', not 8 of [0-9a-f]', coalesce(max(value), ''))
from meta where name = 'instance' having count(*) <> 1 or max(value) !~ '^[0-9a-f]{8}$'
union all
select format('stream %s: its epoch is %s, its next number %s', id, epoch, next) from streams
where epoch < 1 or next < 1 or next > 1::bigint << 41
union all
select format('stream %s: its lease ends in the future', id) from streams
where lease_until > clock_timestamp() + interval '1 day'
union all
select format('process %s: its lease ends in the future', owner) from processes
where lease_until > clock_timestamp() + interval '1 day'
union all
select format('subscriber %s: is called ''%s''', id, name) from subscribers
where name !~ '^[a-z0-9_-]{1,64}$'
union all
select format('the next id of %s is not stored', k.kind) from (values ('users'), ('orders')) k (kind)
where not exists (select from id_blocks i where i.kind = k.kind))sql";

// Each entry is its stream's, and a PAYMENT or REFUND is known by its order: so there is no second.
inline constexpr const char* audit_entries = R"sql(
select unnest(array_remove(array[
  case when s.id is null then
     format('ledger entry %s: its stream %s does not exist', e.id, e.id >> 41) end,
  case when e.id & (1::bigint << 41) - 1 >= s.next then
     format('ledger entry %s: its number %s is not below the next of its stream, %s', e.id,
          e.id & (1::bigint << 41) - 1, s.next) end,
  case when e.kind not in (0, 1, 2) then
     format('ledger entry %s: is of no known kind: %s', e.id, e.kind) end,
  case when e.kind = 0 and e.order_id is not null then
     format('ledger entry %s: is a CHARGE but names order %s', e.id, e.order_id) end,
  case when e.kind = 0 and e.amount <= 0 then
     format('ledger entry %s: is a CHARGE of %s', e.id, e.amount) end,
  case when e.kind in (1, 2) and o.id is null then
     format('ledger entry %s: its order %s does not exist', e.id, e.order_id) end,
  case when o.user_id <> e.user_id then
     format('ledger entry %s: it is user %s''s, but its order %s is user %s''s', e.id, e.user_id,
          o.id, o.user_id) end,
  case when e.amount <> case e.kind when 1 then o.discount - o.total
                                     else o.total - o.discount end then
     format('ledger entry %s: the amount is %s, expected %s by order %s', e.id, e.amount,
          case e.kind when 1 then o.discount - o.total else o.total - o.discount end, o.id) end,
  case when o.id is not null and e.id is distinct from
             case e.kind when 1 then o.payment_entry_id else o.refund_entry_id end then
     format('order %s: ledger entry %s is a %s of it that it does not know', o.id, e.id,
          e.name) end,
  case when o.status <> 3 and not (e.kind = 1 and o.status = 1) then
     format('order %s: is %s but has the %s entry %s', o.id, o.shown, e.name, e.id) end], null))
from (
  select *, case kind when 1 then 'PAYMENT' when 2 then 'REFUND' end as name from ledger_entries) e
left join streams s on s.id = e.id >> 41
left join (
  select *, case status when 0 then 'PENDING' when 1 then 'PAID' when 2 then 'CANCELLED'
                        else 'REFUNDED' end as shown from orders) o
  on o.id = e.order_id and e.kind in (1, 2))sql";

// Each order names the entries that its status asks for, and no others.
inline constexpr const char* audit_orders = R"sql(
select unnest(array_remove(array[
  case when u.id is null then
     format('order %s: user %s does not exist', o.id, o.user_id) end,
  case when o.discount < 0 or o.total < o.discount or o.total > 9007199254740991 then
     format('order %s: a total of %s with a discount of %s', o.id, o.total, o.discount) end,
  case when o.status not between 0 and 3 then
     format('order %s: is in no known status: %s', o.id, o.status) end], null))
from (
  select *, case status when 0 then 'PENDING' when 1 then 'PAID' when 2 then 'CANCELLED'
                        else 'REFUNDED' end as shown from orders) o
left join users u on u.id = o.user_id)sql";

inline constexpr const char* audit_named_entries = R"sql(
select unnest(array_remove(array[
  case when o.entry is null then
     format('order %s: is %s but has no %s entry', o.id, o.shown, o.name) end,
  case when o.entry is not null and not o.expected then
     format('order %s: is %s but names ledger entry %s as its %s', o.id, o.shown, o.entry,
            o.name) end,
  case when o.entry is not null and e.id is null then
     format('order %s: its %s entry %s does not exist', o.id, o.name, o.entry) end,
  case when e.order_id is distinct from o.id and e.id is not null or e.kind <> o.kind then
     format('order %s: ledger entry %s is not its %s', o.id, o.entry, o.name) end], null))
from (
  select o.id, o.status, n.entry, n.kind, n.name, n.expected,
    case o.status when 0 then 'PENDING' when 1 then 'PAID' when 2 then 'CANCELLED'
                  else 'REFUNDED' end as shown
  from orders o cross join lateral (values
    (o.payment_entry_id, 1, 'PAYMENT', o.status in (1, 3)),
    (o.refund_entry_id, 2, 'REFUND', o.status = 3)) as n (entry, kind, name, expected)
  where o.status between 0 and 3 and (n.entry is not null or n.expected)) o
left join ledger_entries e on e.id = o.entry)sql";

// Each event is, for each subscriber that wants it, in exactly one state; no other has anything of
// it.
inline constexpr const char* audit_deliveries = R"sql(
with retried as (
  select c.subscriber_id, r.entry, count(*) as times
  from claims c cross join lateral unnest(c.retries) as r (entry) group by 1, 2),
seen as (
  select b.id as subscriber_id, b.name, e.id,
    (e.kind = 1 and b.wants_payments) or (e.kind = 2 and b.wants_refunds) as wanted,
    e.id & (1::bigint << 41) - 1 > coalesce(c.position, 0) as ahead,
    e.id & (1::bigint << 41) - 1 > coalesce(c.kept_from, 0) as kept,
    (select count(*) from claims k where k.subscriber_id = b.id
     and e.id between k.first_entry and k.last_entry) as ranges,
    coalesce(r.times, 0) as retries,
    d.entry_id is not null as has_row, d.status, d.last_error,
    coalesce(d.status = 0 and d.next_attempt_at is null, false) as in_retry,
    d.entry_id is not null and not (d.status = 0 and d.next_attempt_at is null) as settled
  from subscribers b cross join ledger_entries e
  left join cursors c on c.subscriber_id = b.id and c.stream_id = e.id >> 41
  left join deliveries d on d.subscriber_id = b.id and d.entry_id = e.id
  left join retried r on r.subscriber_id = b.id and r.entry = e.id),
judged as (
  select *, ahead::int + ranges + retries + settled::int as states from seen)
select unnest(array_remove(array[
  case when not wanted and (has_row or retries > 0) then
     format('subscriber %s: has ledger entry %s, which it does not want', name, id) end,
  case when wanted and states > 1 then
     format('subscriber %s: ledger entry %s is in %s states:%s%s%s%s', name, id, states,
          case when ahead then ' ahead of the cursor' end,
          case when ranges + retries > 0 then ' claimed' end,
          case when ranges + retries > 1 then ' more than once' end,
          case when settled and status = 0 then ' waiting' when settled then ' done' end) end,
  case when wanted and states = 0 and has_row then
     format('subscriber %s: ledger entry %s is PENDING, but waits for no time and is in no claim',
          name, id) end,
  case when wanted and states = 0 and not has_row and kept then
     format('subscriber %s: ledger entry %s is lost: behind the cursor, in no claim, with no '
            'delivery',
          name, id) end,
  case when wanted and retries > 0 and not in_retry then
     format('subscriber %s: ledger entry %s is claimed as a retry, but no such delivery is PENDING',
          name, id) end,
  case when wanted and in_retry and ranges > 0 then
     format('subscriber %s: ledger entry %s was tried before, but is claimed as new', name,
            id) end,
  case when wanted and status = 2 and coalesce(last_error, '') = '' then
     format('subscriber %s: ledger entry %s is FAILED without a reason', name, id) end], null))
from judged j)sql";

inline constexpr const char* audit_strays = R"sql(
select format('subscriber %s: has a delivery of ledger entry %s, which does not exist', b.name,
              d.entry_id)
from deliveries d join subscribers b on b.id = d.subscriber_id
where not exists (select from ledger_entries e where e.id = d.entry_id)
union all
select format('subscriber %s: claim %s holds ledger entry %s, which does not exist', b.name, c.id,
              r.entry)
from claims c join subscribers b on b.id = c.subscriber_id
cross join lateral unnest(c.retries) as r (entry)
where not exists (select from ledger_entries e where e.id = r.entry)
union all
select distinct format('%s names subscriber %s, which does not exist', n.what, n.id) from (
  select 'a delivery', subscriber_id from deliveries union all
  select 'a cursor', subscriber_id from cursors union all
  select 'a claim', subscriber_id from claims) as n (what, id)
where not exists (select from subscribers b where b.id = n.id)
union all
select format('subscriber %s: the cursor in stream %s is at %s, beyond the stream''s end',
              c.subscriber_id, c.stream_id, c.position)
from cursors c left join streams s on s.id = c.stream_id
where s.id is null or c.position >= s.next
union all
select format('stream %s: its ended epoch %s reaches to %s, beyond the present one', e.stream_id,
              e.epoch, e.last)
from stream_epochs e left join streams s on s.id = e.stream_id
where s.id is null or e.epoch >= s.epoch or e.last >= s.next)sql";

// The ids that are given out next are free.
inline constexpr const char* audit_ids = R"sql(
select format('the next id of %s is %s, but %s is in use', i.kind, i.next, t.newest)
from id_blocks i join (select 'users' as kind, max(id) as newest from users union all
                       select 'orders', max(id) from orders) t on t.kind = i.kind
where t.newest >= i.next)sql";

inline constexpr std::array audit_queries = {
    audit_users,         audit_chains,          audit_entries, audit_orders,
    audit_named_entries, audit_deliveries,      audit_strays,  audit_ids,
    audit_phones,        audit_delivery_values, audit_values,
};

} // namespace paymentd::db::postgres::sql
