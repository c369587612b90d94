// The schema of the PostgreSQL store, as numbered migrations. Applied by migrations.cpp, each once;
// one that was released is never changed.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>

namespace paymentd::db::postgres {

// All tables stand in a schema of their own, `paymentd`, so that another application's tables in
// the same database neither clash nor get mixed up with them.
//
// No foreign keys: their checks would cost every payment a look-up and a lock for each row, and
// nothing is ever deleted; `paymentd audit` covers what they would. Orders and users leave room in
// their pages for a second version of every row, so that an update stays in its page and touches no
// index (HOT), even where a batch pays a whole page of orders at once. 9007199254740991 is
// the largest amount (2^53 - 1).
inline constexpr const char* migration_1 = R"sql(
create table meta (
  name text primary key,
  value text not null
);
insert into meta (name, value)
values ('instance', substr(replace(gen_random_uuid()::text, '-', ''), 1, 8));

create table users (
  id bigint primary key,
  balance bigint not null check (balance between 0 and 9007199254740991),
  last_sequence bigint not null,
  created_at timestamptz not null,
  phone text not null
) with (fillfactor = 50);

create table orders (
  id bigint primary key,
  user_id bigint not null,
  total bigint not null,
  discount bigint not null,
  coupon_id bigint,
  payment_entry_id bigint,
  refund_entry_id bigint,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  status smallint not null
) with (fillfactor = 45);
-- For a user's page of orders. None on status: every payment would have to move its entry.
create index orders_by_user on orders (user_id, id);

-- Append-only. The id is stream << 41 | number.
create table ledger_entries (
  id bigint primary key,
  user_id bigint not null,
  sequence bigint not null,
  order_id bigint,
  amount bigint not null,
  balance_after bigint not null,
  created_at timestamptz not null,
  kind smallint not null
);
create unique index ledger_entries_by_user on ledger_entries (user_id, sequence);

-- The next ids of users and orders. A process takes a block at once; what it does not use is lost.
create table id_blocks (
  kind text primary key,
  next bigint not null
);
insert into id_blocks (kind, next) values ('users', 1), ('orders', 1);

-- Owner '': nobody's.
create table streams (
  id bigint primary key check (id between 1 and 4095),
  epoch bigint not null,
  next bigint not null,
  ended_next bigint not null, -- what next was when the epoch before ended
  lease_until timestamptz not null,
  owner text not null
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
-- Nothing looks for an epoch by it. It makes the epoch a key, so that a change of the epoch waits
-- for those who hold the row for key share, and taking numbers does not.
create unique index streams_epochs on streams (id, epoch);

-- The last number that an ended epoch took, for an owner whose commit was in doubt.
create table stream_epochs (
  stream_id bigint not null,
  epoch bigint not null,
  last bigint not null,
  owner text not null,
  primary key (stream_id, epoch)
);

create table subscribers (
  id bigint generated always as identity primary key,
  name text not null unique,
  wants_payments boolean not null,
  wants_refunds boolean not null,
  created_at timestamptz not null
);

-- Entries up to `position` are claimed or done. Those up to `kept_from` need no delivery row: they
-- are older than the subscriber.
create table cursors (
  subscriber_id bigint not null,
  stream_id bigint not null,
  position bigint not null check (position >= kept_from),
  kept_from bigint not null check (kept_from >= 0),
  primary key (subscriber_id, stream_id)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- A claim is a range of entry ids or, for retries, a list of them. A handful of rows that come and
-- go. Its id and instance are part of the key that the provider sees.
create table claims (
  id bigint generated always as identity primary key,
  subscriber_id bigint not null,
  stream_id bigint not null,
  generation bigint not null,
  first_entry bigint,
  last_entry bigint check (last_entry >= first_entry),
  since timestamptz not null,
  instance text not null,
  retries bigint[],
  check ((retries is null) = (first_entry is not null)),
  check ((first_entry is null) = (last_entry is null))
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index claims_by_stream on claims (subscriber_id, stream_id);

-- What became of a message. PENDING with a time: waits for another try; without: is in a claim.
create table deliveries (
  subscriber_id bigint not null,
  entry_id bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  next_attempt_at timestamptz,
  attempts bigint not null,
  status smallint not null,
  provider_message_id text,
  last_error text,
  primary key (subscriber_id, entry_id)
);
create index deliveries_waiting on deliveries ((entry_id >> 41), subscriber_id, next_attempt_at)
  where next_attempt_at is not null;
)sql";

// Rows that are FAILED or PENDING are found among all that are DELIVERED, which costs these
// nothing.
inline constexpr const char* migration_2 = R"sql(
create index deliveries_undelivered on deliveries (subscriber_id, status, entry_id)
  where status <> 1;
)sql";

// The final result of what was DELIVERED, and up to when each subscriber's results were read. A
// turn at reading is one process's until lease_until.
inline constexpr const char* migration_3 = R"sql(
alter table deliveries add column delivered_at timestamptz;
create table result_marks (
  subscriber_id bigint primary key,
  read_until timestamptz not null,
  lease_until timestamptz not null,
  turn bigint not null
) with (fillfactor = 10);
)sql";

// Batches that wrote no ledger entry, until it is known that they were committed. The process that
// delivers a stream to a subscriber, and the processes that say that they live; owner '': nobody
// delivers it. Until when a subscriber's provider asked for quiet. How often a message may have
// reached the customer unknown to anybody, and by which way it did (1 AlimTalk, 2 SMS). Which
// provider a claim was opened for. The checks hold for what is written from now on: `not valid`
// looks at no row that is there, so that a large table is not read (`paymentd audit` does that).
inline constexpr const char* migration_4 = R"sql(
create table batch_marks (
  stream_id bigint not null,
  number bigint not null,
  primary key (stream_id, number)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

alter table cursors add column owner text not null default '',
  add column epoch bigint not null default 0;
alter table subscribers add column held_until timestamptz;
alter table deliveries add column copies smallint not null default 0,
  add column channel smallint,
  add constraint deliveries_values check (status between 0 and 2 and attempts >= 0
    and copies >= 0 and channel in (1, 2)
    and (next_attempt_at is null or status = 0)
    and (delivered_at is null or status = 1)) not valid;
alter table claims add column provider text not null default '',
  add constraint claims_values check (generation >= 1 and first_entry >> 41 = stream_id
    and last_entry >> 41 = stream_id and cardinality(retries) > 0) not valid;
alter table orders add constraint orders_values check (status between 0 and 3
  and discount between 0 and total and total <= 9007199254740991) not valid;
alter table ledger_entries add constraint ledger_entries_values check (sequence >= 1
  and kind between 0 and 2 and balance_after between 0 and 9007199254740991) not valid;
create table processes (
  owner text primary key,
  lease_until timestamptz not null
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
)sql";

// The success of a command under an idempotency key, as domain/success_bytes.hpp writes it. `key`
// is the key's digest within its scope, `body` that of the request. By the time for those that are
// forgotten; a batch has one time, so that index is small.
inline constexpr const char* migration_5 = R"sql(
create table idempotency_keys (
  key uuid primary key,
  body bigint not null,
  created_at timestamptz not null,
  success bytea not null
) with (autovacuum_vacuum_scale_factor = 0.05);
create index idempotency_keys_by_time on idempotency_keys (created_at);
)sql";

// Refunds in parts, withdrawals, and reasons; the idempotency key that an order was paid under. A
// refund before had no `refunded_after`, and its order has 0 as `refunded`: it was of all. Such
// rows are read so and stay, since a large table is not to be locked for long. The check of
// `refunded` also refuses a refund by a process of the release before, which knows of no parts.
inline constexpr const char* migration_6 = R"sql(
alter table orders add column refunded bigint not null default 0, add column pay_key uuid,
  add column pay_body bigint, add column paid_at timestamptz;
alter table orders add constraint orders_refunded check (refunded between 0 and total - discount
  and (status <> 3 or refunded = total - discount)) not valid;
alter table ledger_entries add column reason text, add column refunded_after bigint,
  drop constraint ledger_entries_values,
  add constraint ledger_entries_values check (sequence >= 1
    and kind between 0 and 3 and balance_after between 0 and 9007199254740991) not valid;
)sql";

// Clients' own names and notes of users and orders; the API key that asked for a ledger entry.
// `pay_metadata` is the metadata that an order had when it was paid under a key, where it has
// changed since. Indexes to find and list by: none of them is on a column that a payment changes,
// so that its updates stay within their pages.
inline constexpr const char* migration_7 = R"sql(
alter table users add column updated_at timestamptz, add column reference text,
  add column metadata text;
create unique index users_by_reference on users (reference) where reference is not null;
create index users_by_phone on users (phone, id) where phone <> '';
alter table orders add column reference text, add column metadata text,
  add column pay_metadata text;
create unique index orders_by_reference on orders (reference) where reference is not null;
create index orders_by_time on orders (created_at, id);
alter table ledger_entries add column created_by text;
create index ledger_entries_by_time on ledger_entries (created_at);
create index ledger_entries_of_refunds on ledger_entries (order_id, sequence) where kind = 2;
)sql";

// Files that were imported, each by its SHA-256, so that none is imported twice. Nobody is told of
// the ledger entries from first_entry to last_entry.
inline constexpr const char* migration_8 = R"sql(
create table imports (
  digest text primary key,
  kind text not null,
  row_count bigint not null,
  first_entry bigint,
  last_entry bigint,
  imported_at timestamptz not null
);
)sql";

// Lists by time find a batch by one row of an index, since a row for each entry cost a payment 3 %
// of the processors. All entries of a batch have one time and adjoining ids: the first one has the
// id of the last one as batch_last, the others have null. 0 stands for the entry alone: that of an
// entry from before, of an import, and of a process of the release before.
inline constexpr const char* migration_9 = R"sql(
alter table ledger_entries add column batch_last bigint default 0;
create index ledger_entries_by_batch on ledger_entries (created_at, id)
  where batch_last is not null;
drop index ledger_entries_by_time;
)sql";

// The last tries that did not succeed: of a message, and of a claim that is open. A list of at most
// ten objects; null where there was none, as with nearly all. No check: it would be made for every
// message.
inline constexpr const char* migration_10 = R"sql(
alter table deliveries add column tries jsonb;
alter table claims add column tries jsonb;
)sql";

// The kinds of events that a subscriber took before its present ones: of the entries of a stream up
// to `last`, behind those of the row before. The cursor counts their changes, so that a
// process that knows the cursor from before sees that they have changed.
inline constexpr const char* migration_11 = R"sql(
create table former_kinds (
  subscriber_id bigint not null,
  stream_id bigint not null,
  last bigint not null,
  wants_payments boolean not null,
  wants_refunds boolean not null,
  primary key (subscriber_id, stream_id, last)
);
alter table cursors add column kinds_changes bigint not null default 0;
)sql";

// Messages of providers that tell results by their own ids alone are found by these, which begin
// with # (domain/delivery.hpp). Other messages are not in the index.
inline constexpr const char* migration_12 = R"sql(
create index deliveries_by_message on deliveries (provider_message_id)
  where provider_message_id like '#%';
)sql";

// Webhooks, whose subscriber is 'webhook-' and the name. Secrets are in the clear, since they sign;
// `old_secrets` is as domain/webhook.hpp writes it. Subscribers that are deleted, until their
// deliveries are, too. The entries that are delivered once more to a subscriber: those of a stream
// up to the number `last`, from the number `next` on, or where it is 0 from a time on.
inline constexpr const char* migration_13 = R"sql(
create table webhooks (
  name text primary key,
  url text not null,
  secret text not null,
  old_secrets text not null,
  enabled boolean not null,
  max_in_flight bigint not null,
  max_per_second bigint not null,
  allow_private_network boolean not null,
  ca_file text not null,
  content_type text not null,
  timeout_ms bigint not null,
  failing_since timestamptz,
  paused_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create table ended_subscribers (
  id bigint primary key
);
create table replays (
  subscriber_id bigint not null,
  stream_id bigint not null,
  from_time timestamptz not null,
  next bigint not null,
  last bigint not null,
  primary key (subscriber_id, stream_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
)sql";

// The provider that sent the copies of a message which is in doubt: no other one sends it. It
// counts only where there are copies; null: not known, as by a release that noted none.
inline constexpr const char* migration_14 = R"sql(
alter table deliveries add column copies_by text;
)sql";

// The trace of the request that paid or refunded, as domain/trace_context.hpp keeps it; null where
// the client gave none. No check and no index: both would cost each payment. A null takes no room:
// the row's bitmap of nulls has a bit left.
inline constexpr const char* migration_15 = R"sql(
alter table ledger_entries add column trace bytea;
)sql";

// The results of audits: the `last` one, and the `last_clean` one, which found nothing. A line each
// of first_breaches is the text of a breach.
inline constexpr const char* migration_16 = R"sql(
create table audits (
  name text primary key,
  began_at timestamptz not null,
  took_ms bigint not null,
  entries bigint not null,
  orders bigint not null,
  breaches bigint not null,
  first_breaches text not null,
  version text not null
);
)sql";

// Checks for what no reader of a row could name. PostgreSQL parses the text of a check anew for
// each statement that writes: those before took a lone payment 6 % of its time. Amounts are the
// program's to check, and `paymentd audit` finds wrong ones. A migration for each table, since one
// that waits for both would wait for those who read the one and then the other, and they for it.
inline constexpr const char* migration_17 = R"sql(
alter table orders drop constraint orders_refunded, drop constraint orders_values,
  add constraint orders_values check (status = any ('{0,1,2,3}'::smallint[])) not valid;
)sql";
inline constexpr const char* migration_18 = R"sql(
alter table ledger_entries drop constraint ledger_entries_values,
  add constraint ledger_entries_values check (kind = any ('{0,1,2,3}'::smallint[])) not valid;
)sql";

inline constexpr std::array migrations = {
    migration_1,  migration_2,  migration_3,  migration_4,  migration_5,  migration_6,
    migration_7,  migration_8,  migration_9,  migration_10, migration_11, migration_12,
    migration_13, migration_14, migration_15, migration_16, migration_17, migration_18};
inline constexpr std::int64_t newest_schema = std::ssize(migrations);

} // namespace paymentd::db::postgres
