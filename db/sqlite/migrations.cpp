#include "db/sqlite/migrations.hpp"

#include <array>
#include <cstdio>
#include <random>

namespace paymentd::db::sqlite {
namespace {

constexpr std::int64_t application_id = 0x7061796d; // "paym"

// Times are milliseconds since 1970, UTC. 9007199254740991 is the largest amount (2^53 - 1).
// Hot are: orders, users and streams by id, ledger_entries by id, deliveries by (subscriber,
// entry).
constexpr const char* migration_1 = R"sql(
create table meta (
  name text primary key,
  value text not null
) strict, without rowid;

create table users (
  id integer primary key,
  phone text not null,
  balance integer not null check (balance between 0 and 9007199254740991),
  last_sequence integer not null check (last_sequence >= 0),
  created_at integer not null
) strict;

create table orders (
  id integer primary key,
  user_id integer not null,
  coupon_id integer,
  total integer not null check (total between 0 and 9007199254740991),
  discount integer not null check (discount between 0 and total),
  status integer not null check (status between 0 and 3),
  payment_entry_id integer,
  refund_entry_id integer,
  created_at integer not null,
  updated_at integer not null
) strict;
-- For a user's page of orders. None on status: every payment would have to move its entry.
create index orders_by_user on orders (user_id, id);

-- Append-only. The id is stream << 41 | number.
create table ledger_entries (
  id integer primary key,
  user_id integer not null,
  sequence integer not null check (sequence >= 1),
  order_id integer,
  kind integer not null check (kind between 0 and 2),
  amount integer not null,
  balance_after integer not null check (balance_after between 0 and 9007199254740991),
  created_at integer not null
) strict;
create unique index ledger_entries_by_user on ledger_entries (user_id, sequence);

create table streams (
  id integer primary key check (id between 1 and 4095),
  owner text not null,
  epoch integer not null check (epoch >= 1),
  next integer not null check (next >= 1), -- the next entry's number
  lease_until integer not null
) strict;

-- The last number that an ended epoch took, for an owner whose commit was in doubt.
create table stream_epochs (
  stream_id integer not null,
  epoch integer not null,
  last integer not null,
  primary key (stream_id, epoch)
) strict, without rowid;

create table subscribers (
  id integer primary key,
  name text not null unique,
  wants_payments integer not null check (wants_payments in (0, 1)),
  wants_refunds integer not null check (wants_refunds in (0, 1)),
  created_at integer not null
) strict;

-- Entries up to `position` are claimed or done. Those up to `kept_from` need no delivery row: they
-- are older than the subscriber.
create table cursors (
  subscriber_id integer not null,
  stream_id integer not null,
  position integer not null check (position >= kept_from),
  kept_from integer not null check (kept_from >= 0),
  primary key (subscriber_id, stream_id)
) strict, without rowid;

-- A claim is a range of entry ids or, for retries, a list of them ([1,2,3]). Autoincrement, since an
-- id is part of the key that the provider sees and is never used again. A handful of rows.
create table claims (
  id integer primary key autoincrement,
  subscriber_id integer not null,
  stream_id integer not null,
  generation integer not null check (generation >= 1),
  first_entry integer,
  last_entry integer check (last_entry >= first_entry),
  retries text,
  since integer not null,
  check ((retries is null) = (first_entry is not null)),
  check ((first_entry is null) = (last_entry is null))
) strict;

-- What became of a message. PENDING with a time: waits for another try; without: is in a claim.
create table deliveries (
  subscriber_id integer not null,
  entry_id integer not null,
  status integer not null check (status between 0 and 2),
  attempts integer not null check (attempts >= 0),
  last_error text,
  provider_message_id text,
  next_attempt_at integer,
  created_at integer not null,
  updated_at integer not null,
  primary key (subscriber_id, entry_id),
  check (next_attempt_at is null or status = 0)
) strict, without rowid;
create index deliveries_waiting on deliveries (subscriber_id, next_attempt_at)
  where next_attempt_at is not null;
)sql";

// Rows that are FAILED or PENDING are found among all that are DELIVERED, which costs these
// nothing.
constexpr const char* migration_2 = R"sql(
create index deliveries_undelivered on deliveries (subscriber_id, status, entry_id)
  where status <> 1;
)sql";

// The final result of what was DELIVERED, and up to when each subscriber's results were read. A
// turn at reading is one process's until lease_until.
constexpr const char* migration_3 = R"sql(
alter table deliveries add column delivered_at integer;
create table result_marks (
  subscriber_id integer primary key,
  read_until integer not null,
  lease_until integer not null,
  turn integer not null
) strict;
)sql";

// Until when a subscriber's provider asked for quiet; how often a message may have reached the
// customer unknown to anybody, and by which way it did (1 AlimTalk, 2 SMS); which provider a claim
// was opened for. Claims are made anew, so that none can stand in a stream that is not its entries'
// own; their ids go on.
constexpr const char* migration_4 = R"sql(
alter table subscribers add column held_until integer;
alter table deliveries add column copies integer not null default 0 check (copies >= 0);
alter table deliveries add column channel integer check (channel in (1, 2));
create table claims_4 (
  id integer primary key autoincrement,
  subscriber_id integer not null,
  stream_id integer not null,
  generation integer not null check (generation >= 1),
  first_entry integer check (first_entry >> 41 = stream_id),
  last_entry integer check (last_entry >= first_entry and last_entry >> 41 = stream_id),
  retries text check (retries is null or json_array_length(retries) > 0),
  since integer not null,
  provider text not null default '',
  check ((retries is null) = (first_entry is not null)),
  check ((first_entry is null) = (last_entry is null))
) strict;
insert into claims_4 (id, subscriber_id, stream_id, generation, first_entry, last_entry, retries,
  since)
select id, subscriber_id, coalesce(first_entry >> 41, stream_id), generation, first_entry,
  last_entry, retries, since
from claims;
delete from sqlite_sequence where name = 'claims_4';
insert into sqlite_sequence (name, seq)
select 'claims_4', seq from sqlite_sequence where name = 'claims';
drop table claims;
alter table claims_4 rename to claims;
)sql";

// The success of a command under an idempotency key, as domain/success_bytes.hpp writes it. `key`
// is the key's digest within its scope, `body` that of the request.
constexpr const char* migration_5 = R"sql(
create table idempotency_keys (
  key blob primary key check (length(key) = 16),
  body integer not null,
  created_at integer not null,
  success blob not null
) strict, without rowid;
create index idempotency_keys_by_time on idempotency_keys (created_at);
)sql";

// Refunds in parts, withdrawals, and reasons; the idempotency key that an order was paid under. A
// refund before had no `refunded_after`: it was of all. The check of a ledger entry's kind is
// changed in the schema's text, as SQLite's manual has it for what does not touch rows
// (lang_altertable.html): the table is not written anew.
constexpr const char* migration_6 = R"sql(
alter table orders add column refunded integer not null default 0
  check (refunded between 0 and total - discount);
update orders set refunded = total - discount where status = 3;
pragma writable_schema = on;
update sqlite_schema set sql = replace(sql, 'check (kind between 0 and 2)',
  'check (kind between 0 and 3)') where type = 'table' and name = 'ledger_entries';
pragma writable_schema = reset;
create temp table replaced (tables integer check (tables = 1)); -- or all is rolled back
insert into replaced select count(*) from sqlite_schema
  where name = 'ledger_entries' and sql like '%check (kind between 0 and 3)%';
drop table temp.replaced;
alter table ledger_entries add column reason text;
alter table ledger_entries add column refunded_after integer;
alter table orders add column pay_key blob;
alter table orders add column pay_body integer;
alter table orders add column paid_at integer;
)sql";

// Clients' own names and notes of users and orders; the API key that asked for a ledger entry.
// `pay_metadata` is the metadata that an order had when it was paid under a key, where it has
// changed since. Indexes to find and list by: none of them is on a column that a payment changes.
constexpr const char* migration_7 = R"sql(
alter table users add column updated_at integer;
alter table users add column reference text;
alter table users add column metadata text;
create unique index users_by_reference on users (reference) where reference is not null;
create index users_by_phone on users (phone) where phone <> '';
alter table orders add column reference text;
alter table orders add column metadata text;
alter table orders add column pay_metadata text;
create unique index orders_by_reference on orders (reference) where reference is not null;
create index orders_by_time on orders (created_at);
alter table ledger_entries add column created_by text;
create index ledger_entries_by_time on ledger_entries (created_at);
create index ledger_entries_of_refunds on ledger_entries (order_id, sequence) where kind = 2;
)sql";

// Files that were imported, each by its SHA-256, so that none is imported twice. Nobody is told of
// the ledger entries from first_entry to last_entry.
constexpr const char* migration_8 = R"sql(
create table imports (
  digest text primary key,
  kind text not null,
  row_count integer not null,
  first_entry integer,
  last_entry integer,
  imported_at integer not null
) strict, without rowid;
)sql";

// When ledger entries were made, a row a batch: those from first_entry to last_entry, and no
// others, have its created_at. An index with a row an entry cost a payment 4 % of its time. Runs of
// one time are found in one pass by id, without a sort.
constexpr const char* migration_9 = R"sql(
create table entry_times (
  created_at integer not null,
  first_entry integer not null,
  last_entry integer not null check (last_entry >= first_entry),
  primary key (created_at, first_entry)
) strict, without rowid;
insert into entry_times
select created_at, id, coalesce(lead(before) over (order by id), (select max(id) from ledger_entries))
from (select id, created_at, lag(id) over (order by id) as before,
        lag(created_at) over (order by id) as time_before from ledger_entries)
where time_before is not created_at;
drop index ledger_entries_by_time;
)sql";

// The last tries that did not succeed: of a message, and of a claim that is open. A list of at most
// ten objects (JSON); null where there was none, as with nearly all. No check: it would be made for
// every message.
constexpr const char* migration_10 = R"sql(
alter table deliveries add column tries text;
alter table claims add column tries text;
)sql";

// The kinds of events that a subscriber took before its present ones: of the entries of a stream up
// to `last`, behind those of the row before.
constexpr const char* migration_11 = R"sql(
create table former_kinds (
  subscriber_id integer not null,
  stream_id integer not null,
  last integer not null,
  wants_payments integer not null check (wants_payments in (0, 1)),
  wants_refunds integer not null check (wants_refunds in (0, 1)),
  primary key (subscriber_id, stream_id, last)
) strict, without rowid;
)sql";

// Messages of providers that tell results by their own ids alone are found by these, which begin
// with # (domain/delivery.hpp). Other messages are not in the index.
constexpr const char* migration_12 = R"sql(
create index deliveries_by_message on deliveries (provider_message_id)
  where provider_message_id >= '#' and provider_message_id < '$';
)sql";

// Webhooks, whose subscriber is 'webhook-' and the name. Secrets are in the clear, since they sign;
// `old_secrets` is as domain/webhook.hpp writes it. Subscribers that are deleted, until their
// deliveries are, too. The entries that are delivered once more to a subscriber: those of a stream
// up to the number `last`, from the number `next` on, or where it is 0 from a time on.
constexpr const char* migration_13 = R"sql(
create table webhooks (
  name text primary key,
  url text not null,
  secret text not null,
  old_secrets text not null,
  enabled integer not null check (enabled in (0, 1)),
  max_in_flight integer not null,
  max_per_second integer not null,
  allow_private_network integer not null check (allow_private_network in (0, 1)),
  ca_file text not null,
  content_type text not null,
  timeout_ms integer not null,
  failing_since integer,
  paused_at integer,
  created_at integer not null,
  updated_at integer not null
) strict, without rowid;
create table ended_subscribers (
  id integer primary key
) strict;
create table replays (
  subscriber_id integer not null,
  stream_id integer not null,
  from_time integer not null,
  next integer not null,
  last integer not null,
  primary key (subscriber_id, stream_id)
) strict, without rowid;
)sql";

// The provider that sent the copies of a message which is in doubt: no other one sends it. It
// counts only where there are copies; null: not known, as by a release that noted none.
constexpr const char* migration_14 = R"sql(
alter table deliveries add column copies_by text;
)sql";

// The trace of the request that paid or refunded, as domain/trace_context.hpp keeps it; null where
// the client gave none. No check and no index: both would cost each payment.
constexpr const char* migration_15 = R"sql(
alter table ledger_entries add column trace blob;
)sql";

// The results of audits: the `last` one, and the `last_clean` one, which found nothing. A line each
// of first_breaches is the text of a breach.
constexpr const char* migration_16 = R"sql(
create table audits (
  name text primary key,
  began_at integer not null,
  took_ms integer not null,
  entries integer not null,
  orders integer not null,
  breaches integer not null,
  first_breaches text not null,
  version text not null
) strict, without rowid;
)sql";

// Checks of PostgreSQL's schema, whose numbers are the same. Nothing changes here.
constexpr const char* migration_17 = "";
constexpr const char* migration_18 = "";

constexpr std::array migrations = {
    migration_1,  migration_2,  migration_3,  migration_4,  migration_5,  migration_6,
    migration_7,  migration_8,  migration_9,  migration_10, migration_11, migration_12,
    migration_13, migration_14, migration_15, migration_16, migration_17, migration_18};
constexpr std::int64_t newest = std::ssize(migrations);

std::int64_t number(connection& on, const char* sql) {
  statement asks(on, sql);
  auto rows = asks.query();
  return rows.next() ? rows.integer(0) : 0;
}

std::int64_t schema_version(connection& on) {
  return number(on, "pragma user_version");
}

std::string versions(std::int64_t has) {
  return "schema " + std::to_string(has) + ", this program's is " + std::to_string(newest);
}

// The name that makes this database's message keys different from those of any other.
std::string random_instance() {
  std::array<char, 9> hex{};
  std::random_device random;
  std::snprintf(hex.data(), hex.size(), "%08x", static_cast<unsigned>(random()));
  return hex.data();
}

} // namespace

result<void> check_application(connection& on) {
  const auto id = number(on, "pragma application_id");
  if (id == application_id)
    return {};
  const bool empty = number(on, "select count(*) from sqlite_schema") == 0;
  if (id == 0 && empty && schema_version(on) == 0)
    return {};
  return std::unexpected(
      error{error_kind::broken, "the file holds another application's database"});
}

result<void> check_schema(connection& on) {
  if (auto ours = check_application(on); !ours)
    return ours;
  const auto has = schema_version(on);
  if (has == newest)
    return {};
  const char* what = has == 0 ? "the database has no schema yet: run paymentd migrate"
                     : has < newest
                         ? "the database is older than this program: run paymentd migrate"
                         : "the database is newer than this program";
  return std::unexpected(
      error{error_kind::broken, has == 0 ? what : what + (" (" + versions(has) + ")")});
}

bool is_newer(connection& on) {
  return schema_version(on) > newest;
}

result<int> migrate(connection& on, instant) {
  transactions with(on);
  int applied = 0;
  for (;;) {
    transaction step(with, transaction::kind::write);
    if (auto ours = check_application(on); !ours)
      return std::unexpected(ours.error());
    const auto has = schema_version(on);
    if (has > newest)
      return std::unexpected(error{error_kind::broken, "the database is newer than this program (" +
                                                           versions(has) + ")"});
    if (has == newest)
      return applied;
    on.exec(migrations[static_cast<std::size_t>(has)]);
    if (has == 0) {
      statement(on, "insert into meta (name, value) values ('instance', ?)").run(random_instance());
      on.exec(("pragma application_id = " + std::to_string(application_id)).c_str());
    }
    on.exec(("pragma user_version = " + std::to_string(has + 1)).c_str());
    step.commit();
    ++applied;
  }
}

} // namespace paymentd::db::sqlite
