// The statements of the embedded store's hot path: streams, settlement and delivery. Those of lists
// stand in list_sql.hpp, those of upkeep in upkeep_sql.hpp; the schema, the audit, seeding, import
// and export keep theirs to themselves.
//
// Locks: SQLite has one writer. Each write runs inside `begin immediate`, which takes the
// database's only write lock first, so no row lock and no lock order is needed; what reads alone
// takes none and sees the last commit.
#pragma once

#include "db/sqlite/columns.hpp"

namespace paymentd::db::sqlite::sql {

// ---- streams ------------------------------------------------------------------------------------

// Takes the batch's numbers, renews the lease and fences off an ended epoch, in one statement.
inline constexpr const char* take_numbers =
    "update streams set next = next + ?1, lease_until = ?2 where id = ?3 and epoch = ?4 "
    "and next + ?1 <= ?5 returning next";

// Whether the epoch is still the stream's, for what delivers and takes no number.
inline constexpr const char* stream_state = "select epoch, next from streams where id = ?";

inline constexpr const char* newest_stream =
    "select id, epoch, next from streams order by id desc limit 1";

inline constexpr const char* add_stream =
    "insert into streams (id, owner, epoch, next, lease_until) values (?, ?, 1, ?, ?)";

inline constexpr const char* begin_epoch =
    "update streams set owner = ?2, epoch = ?3, next = ?4, lease_until = ?5 where id = ?1";

inline constexpr const char* renew_lease =
    "update streams set lease_until = ?3 where id = ?1 and epoch = ?2";

// Kept for an owner that asks late what became of its commit.
inline constexpr const char* end_epoch =
    "insert into stream_epochs (stream_id, epoch, last) values (?, ?, ?)";

inline constexpr const char* ended_epoch =
    "select last from stream_epochs where stream_id = ? and epoch = ?";

// Streams before the newest one that still have something to deliver: only where a stream was used
// up, so this is rare and short.
inline constexpr const char* streams_with_rest = R"sql(
select s.id, s.epoch, s.next from streams s
where s.id <> ?1 and s.id < (select max(id) from streams)
and (exists (select 1 from claims c where c.stream_id = s.id)
  or exists (select 1 from deliveries d where d.next_attempt_at is not null
             and d.entry_id >> 41 = s.id)
  or exists (select 1 from subscribers b left join cursors c
             on c.subscriber_id = b.id and c.stream_id = s.id
             where coalesce(c.position, 0) < s.next - 1
             and exists (select 1 from ledger_entries e
                         where e.id > (s.id << 41 | coalesce(c.position, 0))
                         and e.id < (s.id << 41 | s.next))))
order by s.id)sql";

// ---- settlement ---------------------------------------------------------------------------------

// All that an order has before it is paid; get_payment has the rest. An order is read for each
// payment, and each column costs.
inline constexpr const char* get_order =
    joined<"select ", order_columns, " from orders where id = ?">;

// Those of the given ids, in their order; the id comes last. A cross join keeps the order of the
// loops.
inline constexpr const char* get_orders =
    joined<"select ", order_columns, ", id from given cross join orders on id = c1">;

inline constexpr const char* get_payment =
    joined<"select ", payment_columns, " from orders where id = ?">;

inline constexpr const char* get_user =
    joined<"select ", user_columns, " from users u where id = ?">;

// All that a payment, and its event, have to know of a user.
inline constexpr const char* get_balance =
    "select balance, last_sequence, phone from users where id = ?";

// Of the given users, in their order.
inline constexpr const char* get_balances =
    "select balance, last_sequence, phone, id from given cross join users on id = c1";

inline constexpr const char* user_of_reference = "select id from users where reference = ?";
inline constexpr const char* order_of_reference = "select id from orders where reference = ?";

// Ids of created rows: nothing is ever deleted here, so under the write lock max + 1 is free. The
// clock bounds it from below, for what a restored backup does not know of.
inline constexpr const char* last_user = "select coalesce(max(id), 0) from users";
inline constexpr const char* last_order = "select coalesce(max(id), 0) from orders";

inline constexpr const char* add_user =
    "insert into users (id, phone, balance, last_sequence, created_at, updated_at, reference, "
    "metadata) values (?, ?, ?, ?, ?, ?, ?, ?)";

inline constexpr const char* add_order =
    "insert into orders (id, user_id, coupon_id, total, discount, status, payment_entry_id, "
    "refund_entry_id, created_at, updated_at, refunded, pay_key, pay_body, paid_at, reference, "
    "metadata) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

// The statements that write the given rows roll the transaction back where a constraint does not
// hold, as the caller would do. So SQLite keeps no copies of pages for a way back of its own.

inline constexpr const char* change_users =
    "update or rollback users set balance = c2, last_sequence = c3 from given where id = c1";

inline constexpr const char* update_user =
    "update users set phone = ?2, metadata = ?3, updated_at = ?4 where id = ?1";

inline constexpr const char* update_order =
    "update orders set metadata = ?2, pay_metadata = ?3 where id = ?1";

// All that a payment without a key changes: what is not written costs no check.
inline constexpr const char* change_orders =
    "update or rollback orders set status = c2, updated_at = c3, payment_entry_id = c4 from given "
    "where id = c1";

inline constexpr const char* change_whole_orders =
    "update or rollback orders set status = c2, updated_at = c3, payment_entry_id = c4, "
    "refund_entry_id = c5, refunded = c6, pay_key = c7, pay_body = c8, paid_at = c9 from given "
    "where id = c1";

inline constexpr const char* add_entries =
    "insert or rollback into ledger_entries (id, user_id, sequence, order_id, kind, amount, "
    "balance_after, created_at, reason, refunded_after, created_by, trace) "
    "select c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12 from given";

// Lists by time find entries by these rows, one a batch.
inline constexpr const char* add_entry_times =
    "insert into entry_times (created_at, first_entry, last_entry) values (?, ?, ?)";

inline constexpr const char* get_kept = "select body, success from idempotency_keys where key = ?";

inline constexpr const char* add_kept =
    "insert into idempotency_keys (key, body, created_at, success) values (?, ?, ?, ?)";

// ---- delivery -----------------------------------------------------------------------------------

inline constexpr const char* get_instance = "select value from meta where name = 'instance'";

inline constexpr const char* find_subscriber =
    "select id, wants_payments, wants_refunds, held_until from subscribers where name = ?";

inline constexpr const char* hold_subscriber =
    "update subscribers set held_until = ?2 where id = ?1";

// A row for each stretch of the stream; where the kinds have never changed, one without the rest.
inline constexpr const char* subscriber_wants =
    "select b.wants_payments, b.wants_refunds, f.last, f.wants_payments, f.wants_refunds "
    "from subscribers b left join former_kinds f on f.subscriber_id = b.id and f.stream_id = ?2 "
    "where b.id = ?1 order by f.last";

inline constexpr const char* count_former_kinds =
    "select coalesce(max(n), 0) from (select count(*) as n from former_kinds "
    "where subscriber_id = ? group by stream_id)";

// The present kinds hold for all entries that are there, as far as no earlier ones do.
inline constexpr const char* add_former_kinds =
    "insert into former_kinds (subscriber_id, stream_id, last, wants_payments, wants_refunds) "
    "select b.id, s.id, s.next - 1, b.wants_payments, b.wants_refunds "
    "from subscribers b cross join streams s where b.id = ? and s.next - 1 > coalesce("
    "(select max(f.last) from former_kinds f where f.subscriber_id = b.id and f.stream_id = s.id), "
    "0)";

inline constexpr const char* set_subscriber_kinds =
    "update subscribers set wants_payments = ?2, wants_refunds = ?3 where id = ?1";

// No id of a subscriber whose deliveries are still being deleted.
inline constexpr const char* add_subscriber =
    "insert into subscribers (id, name, wants_payments, wants_refunds, created_at) select "
    "1 + max(coalesce((select max(id) from subscribers), 0), "
    "coalesce((select max(id) from ended_subscribers), 0)), ?, ?, ?, ?";

// A new subscriber starts behind what is there; under the write lock nothing is half written.
inline constexpr const char* add_cursors_at_end =
    "insert into cursors (subscriber_id, stream_id, position, kept_from) "
    "select ?, id, next - 1, next - 1 from streams";

inline constexpr const char* add_cursor_at_start =
    "insert into cursors (subscriber_id, stream_id, position, kept_from) values (?, ?, 0, 0) "
    "on conflict do nothing";

inline constexpr const char* get_cursor =
    "select position from cursors where subscriber_id = ? and stream_id = ?";

inline constexpr const char* move_cursor =
    "update cursors set position = ?3 where subscriber_id = ?1 and stream_id = ?2";

// Oldest first. A handful of rows.
inline constexpr const char* get_claims =
    joined<"select ", claim_columns,
           " from claims where subscriber_id = ? and stream_id = ? order by since, id">;

inline constexpr const char* get_claim =
    joined<"select ", claim_columns,
           " from claims where id = ? and subscriber_id = ? and stream_id = ?">;

inline constexpr const char* add_claim =
    "insert into claims (subscriber_id, stream_id, generation, first_entry, last_entry, retries, "
    "since, provider) values (?, ?, 1, ?, ?, ?, ?, ?)";

inline constexpr const char* next_generation =
    "update claims set generation = generation + 1, since = ?2 where id = ?1";

inline constexpr const char* end_claim = "delete from claims where id = ?";

inline constexpr const char* forget_tries =
    "update claims set tries = null where id = ?1 and stream_id = ?2";

// A try of a claim as a whole.
inline constexpr const char* note_try =
    joined<"update claims set tries = ", tries_and_one, " where id = ?1 and stream_id = ?2">;

inline constexpr const char* tries_of_claim =
    joined<"select ", try_columns,
           " from claims c, json_each(iif(json_valid(c.tries), c.tries, '[]')) t "
           "where c.id = ? and t.type = 'object' order by t.key">;

// The events of a range of entries, charges among them as rows without an order, so that the number
// of entries looked at can be bounded. Left joins keep the order of the loops: by entry id.
inline constexpr const char* events_of_range =
    joined<"select ", event_columns,
           " from ledger_entries e left join orders o on o.id = e.order_id left join users u "
           "on u.id = o.user_id where e.id > ?1 and e.id <= ?2 order by e.id limit ?3">;

// The same without the events, which are remembered.
inline constexpr const char* entries_ahead =
    "select id, kind from ledger_entries where id > ?1 and id <= ?2 order by id limit ?3";

inline constexpr const char* event_of_entry =
    joined<"select ", event_columns,
           ", d.attempts, d.copies from ledger_entries e left join orders o on o.id = e.order_id "
           "left join users u on u.id = o.user_id left join deliveries d on d.subscriber_id = ?2 "
           "and d.entry_id = e.id where e.id = ?1">;

// The rest of a refund's event. A payment has none of it, and each column costs.
inline constexpr const char* get_refund =
    "select amount, coalesce(refunded_after, amount), reason from ledger_entries where id = ?";

// Of a message's user, where messages say something of it.
inline constexpr const char* get_user_words = "select reference, metadata from users where id = ?";

// The entries of a range claim, when it ends.
inline constexpr const char* entries_of_range =
    "select id, kind, created_at from ledger_entries where id >= ? and id <= ? order by id";

inline constexpr const char* entry_created = "select created_at from ledger_entries where id = ?";

// By the partial index: only what waits is looked at. Messages in doubt at one of the providers of
// ?5 (",nhn,solapi,") are left out, or where ?6 is 1 taken alone.
inline constexpr const char* due_retries =
    "select entry_id, next_attempt_at, iif(copies > 0, copies_by, null) from deliveries "
    "where subscriber_id = ?1 and next_attempt_at is not null "
    "and status = 0 and next_attempt_at <= ?2 and entry_id >> 41 = ?3 "
    "and (copies > 0 and copies_by is not null and instr(?5, ',' || copies_by || ',') > 0) = ?6 "
    "order by next_attempt_at limit ?4";

inline constexpr const char* next_retry =
    "select next_attempt_at from deliveries where subscriber_id = ?1 and next_attempt_at is not "
    "null and status = 0 and entry_id >> 41 = ?2 and next_attempt_at > ?3 order by next_attempt_at "
    "limit 1";

inline constexpr const char* take_retry =
    "update deliveries set next_attempt_at = null where subscriber_id = ? and entry_id = ?";

// Only what is PENDING (0) keeps the time of its next try. An upsert from a select has to have a
// condition (https://www.sqlite.org/lang_upsert.html, 2.2).
inline constexpr const char* put_deliveries =
    "insert or rollback into deliveries (subscriber_id, entry_id, status, attempts, last_error, "
    "provider_message_id, next_attempt_at, created_at, updated_at) "
    "select c1, c2, c3, c4, c5, c6, case c3 when 0 then c7 end, c8, c9 from given where true "
    "on conflict do update set status = excluded.status, attempts = excluded.attempts, "
    "last_error = excluded.last_error, provider_message_id = excluded.provider_message_id, "
    "next_attempt_at = excluded.next_attempt_at, updated_at = excluded.updated_at";

// Columns that few results have: copies, and a known channel (0: none).
inline constexpr const char* mark_delivery =
    "update deliveries set copies = ?3, channel = nullif(?4, 0) "
    "where subscriber_id = ?1 and entry_id = ?2";

// The provider at which a message that waits is in doubt. Few are.
inline constexpr const char* set_copies_by =
    "update deliveries set copies_by = nullif(?3, '') where subscriber_id = ?1 and entry_id = ?2";

// A try of a message. Few have one.
inline constexpr const char* add_try = joined<"update deliveries set tries = ", tries_and_one,
                                              " where subscriber_id = ?1 and entry_id = ?2">;

} // namespace paymentd::db::sqlite::sql
