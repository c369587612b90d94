begin;
CREATE TABLE claims (
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
INSERT INTO "claims" VALUES(3,1,1,1,2512338412948,2512338412949,NULL,1795938977010);
INSERT INTO "claims" VALUES(4,1,1,1,2512338412950,2512338412950,NULL,1795938977035);
CREATE TABLE cursors (
  subscriber_id integer not null,
  stream_id integer not null,
  position integer not null check (position >= kept_from),
  kept_from integer not null check (kept_from >= 0),
  primary key (subscriber_id, stream_id)
) strict, without rowid;
INSERT INTO "cursors" VALUES(1,1,313315157398,0);
CREATE TABLE deliveries (
  subscriber_id integer not null,
  entry_id integer not null,
  status integer not null check (status between 0 and 2),
  attempts integer not null check (attempts >= 0),
  last_error text,
  provider_message_id text,
  next_attempt_at integer,
  created_at integer not null,
  updated_at integer not null, delivered_at integer,
  primary key (subscriber_id, entry_id),
  check (next_attempt_at is null or status = 0)
) strict, without rowid;
INSERT INTO "deliveries" VALUES(1,2512338412944,1,1,NULL,'fake-1/1',NULL,1795938974700,1795938974726,NULL);
INSERT INTO "deliveries" VALUES(1,2512338412945,2,1,'NHN refused it: -3003',NULL,NULL,1795938974701,1795938974752,NULL);
INSERT INTO "deliveries" VALUES(1,2512338412946,0,1,'NHN: 503',NULL,1795938974752,1795938974702,1795938974752,NULL);
CREATE TABLE ledger_entries (
  id integer primary key,
  user_id integer not null,
  sequence integer not null check (sequence >= 1),
  order_id integer,
  kind integer not null check (kind between 0 and 2),
  amount integer not null,
  balance_after integer not null check (balance_after between 0 and 9007199254740991),
  created_at integer not null
) strict;
INSERT INTO "ledger_entries" VALUES(2512338412928,313315159680,1,NULL,0,100000,100000,1795938974685);
INSERT INTO "ledger_entries" VALUES(2512338412929,313315159808,1,NULL,0,100000,100000,1795938974686);
INSERT INTO "ledger_entries" VALUES(2512338412930,313315159936,1,NULL,0,100000,100000,1795938974687);
INSERT INTO "ledger_entries" VALUES(2512338412943,313315159808,2,NULL,0,5000,105000,1795938974699);
INSERT INTO "ledger_entries" VALUES(2512338412944,313315159680,2,313315160064,1,-1000,99000,1795938974700);
INSERT INTO "ledger_entries" VALUES(2512338412945,313315159808,3,313315160192,1,-1900,103100,1795938974701);
INSERT INTO "ledger_entries" VALUES(2512338412946,313315159936,2,313315160320,1,-3000,97000,1795938974702);
INSERT INTO "ledger_entries" VALUES(2512338412947,313315159936,3,313315160320,2,3000,100000,1795938976704);
INSERT INTO "ledger_entries" VALUES(2512338412949,313315159680,3,313315160448,1,-4000,95000,1795938977009);
INSERT INTO "ledger_entries" VALUES(2512338412950,313315159808,4,313315160576,1,-5000,98100,1795938977011);
CREATE TABLE meta (
  name text primary key,
  value text not null
) strict, without rowid;
INSERT INTO "meta" VALUES('instance','bc5ec687');
CREATE TABLE orders (
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
INSERT INTO "orders" VALUES(313315160064,313315159680,NULL,1000,0,1,2512338412944,NULL,1795938974688,1795938974700);
INSERT INTO "orders" VALUES(313315160192,313315159808,7,2000,100,1,2512338412945,NULL,1795938974689,1795938974701);
INSERT INTO "orders" VALUES(313315160320,313315159936,NULL,3000,0,3,2512338412946,2512338412947,1795938974690,1795938976704);
INSERT INTO "orders" VALUES(313315160448,313315159680,NULL,4000,0,1,2512338412949,NULL,1795938974691,1795938977009);
INSERT INTO "orders" VALUES(313315160576,313315159808,NULL,5000,0,1,2512338412950,NULL,1795938974692,1795938977011);
INSERT INTO "orders" VALUES(313315160704,313315159936,NULL,6000,0,0,NULL,NULL,1795938974693,1795938974693);
INSERT INTO "orders" VALUES(313315160832,313315159680,NULL,7000,0,0,NULL,NULL,1795938974694,1795938974694);
INSERT INTO "orders" VALUES(313315160833,313315159808,NULL,8000,0,0,NULL,NULL,1795938974694,1795938974694);
INSERT INTO "orders" VALUES(313315160960,313315159936,NULL,9000,0,2,NULL,NULL,1795938974695,1795938976706);
INSERT INTO "orders" VALUES(313315161088,313315159680,NULL,10000,0,0,NULL,NULL,1795938974696,1795938974696);
INSERT INTO "orders" VALUES(313315161216,313315159808,NULL,11000,0,0,NULL,NULL,1795938974697,1795938974697);
INSERT INTO "orders" VALUES(313315161344,313315159936,NULL,12000,0,0,NULL,NULL,1795938974698,1795938974698);
CREATE TABLE result_marks (
  subscriber_id integer primary key,
  read_until integer not null,
  lease_until integer not null,
  turn integer not null
) strict;
CREATE TABLE stream_epochs (
  stream_id integer not null,
  epoch integer not null,
  last integer not null,
  primary key (stream_id, epoch)
) strict, without rowid;
CREATE TABLE streams (
  id integer primary key check (id between 1 and 4095),
  owner text not null,
  epoch integer not null check (epoch >= 1),
  next integer not null check (next >= 1), -- the next entry's number
  lease_until integer not null
) strict;
INSERT INTO "streams" VALUES(1,'host-1-00000001',1,313315157399,1795938992011);
CREATE TABLE subscribers (
  id integer primary key,
  name text not null unique,
  wants_payments integer not null check (wants_payments in (0, 1)),
  wants_refunds integer not null check (wants_refunds in (0, 1)),
  created_at integer not null
) strict;
INSERT INTO "subscribers" VALUES(1,'alimtalk',1,0,1795938974666);
CREATE TABLE users (
  id integer primary key,
  phone text not null,
  balance integer not null check (balance between 0 and 9007199254740991),
  last_sequence integer not null check (last_sequence >= 0),
  created_at integer not null
) strict;
INSERT INTO "users" VALUES(313315159680,'01012340000',95000,3,1795938974685);
INSERT INTO "users" VALUES(313315159808,'01012340001',98100,4,1795938974686);
INSERT INTO "users" VALUES(313315159936,'01012340002',100000,3,1795938974687);
CREATE INDEX orders_by_user on orders (user_id, id);
CREATE UNIQUE INDEX ledger_entries_by_user on ledger_entries (user_id, sequence);
CREATE INDEX deliveries_waiting on deliveries (subscriber_id, next_attempt_at)
  where next_attempt_at is not null;
CREATE INDEX deliveries_undelivered on deliveries (subscriber_id, status, entry_id)
  where status <> 1;
delete from sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('claims',4);
pragma user_version = 3;
pragma application_id = 1885436269;
commit;
