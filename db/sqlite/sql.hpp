// Every statement of the embedded store but those off the hot path: the schema (migrations.cpp),
// the audit (audit.cpp), import and export (import.cpp, export.cpp). Locks: SQLite has one writer.
// Each write runs inside `begin immediate`, which takes the database's only write lock first, so no
// row lock and no lock order is needed; what reads alone takes none and sees the last commit.
#pragma once

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
    "select user_id, coupon_id, total, discount, status, created_at, updated_at, reference, "
    "metadata from orders where id = ?";

// Those of the given ids, in their order; the id comes last. A cross join keeps the order of the
// loops.
inline constexpr const char* get_orders =
    "select user_id, coupon_id, total, discount, status, created_at, updated_at, reference, "
    "metadata, id from given cross join orders on id = c1";

inline constexpr const char* get_payment =
    "select payment_entry_id, refund_entry_id, refunded, pay_key, pay_body, paid_at, pay_metadata "
    "from orders where id = ?";

inline constexpr const char* get_user =
    "select phone, balance, last_sequence, created_at, max(coalesce(updated_at, created_at), "
    "coalesce((select e.created_at from ledger_entries e where e.user_id = u.id "
    "and e.sequence = u.last_sequence), 0)), reference, metadata from users u where id = ?";

// All that a payment has to know of a user.
inline constexpr const char* get_balance = "select balance, last_sequence from users where id = ?";

// Of the given users, in their order.
inline constexpr const char* get_balances =
    "select balance, last_sequence, id from given cross join users on id = c1";

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

// What changes and writes the given rows rolls the transaction back where a constraint does not
// hold, as the caller would do: so SQLite keeps no copies of pages for a way back of its own.

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
    "balance_after, created_at, reason, refunded_after, created_by) "
    "select c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11 from given";

// Lists by time find entries by these rows, one a batch.
inline constexpr const char* add_entry_times =
    "insert into entry_times (created_at, first_entry, last_entry) values (?, ?, ?)";

inline constexpr const char* get_kept = "select body, success from idempotency_keys where key = ?";

inline constexpr const char* add_kept =
    "insert into idempotency_keys (key, body, created_at, success) values (?, ?, ?, ?)";

inline constexpr const char* forget_keys =
    "delete from idempotency_keys where key in (select key from idempotency_keys "
    "where created_at < ? order by created_at limit ?)";

// ---- lists --------------------------------------------------------------------------------------

// Newest first, by an index each; a list by time gives its first time, its last one and, for that,
// below which id. Users have the columns of get_user, orders those of get_order and get_payment,
// and the id.

inline constexpr const char* list_users =
    "select phone, balance, last_sequence, created_at, max(coalesce(updated_at, created_at), "
    "coalesce((select e.created_at from ledger_entries e where e.user_id = u.id "
    "and e.sequence = u.last_sequence), 0)), reference, metadata, id from users u "
    "where id < ?1 order by id desc limit ?2";

inline constexpr const char* list_users_of_reference =
    "select phone, balance, last_sequence, created_at, max(coalesce(updated_at, created_at), "
    "coalesce((select e.created_at from ledger_entries e where e.user_id = u.id "
    "and e.sequence = u.last_sequence), 0)), reference, metadata, id from users u "
    "where reference = ?1 and id < ?2 order by id desc limit ?3";

// The condition repeats what the index is partial by.
inline constexpr const char* list_users_of_phone =
    "select phone, balance, last_sequence, created_at, max(coalesce(updated_at, created_at), "
    "coalesce((select e.created_at from ledger_entries e where e.user_id = u.id "
    "and e.sequence = u.last_sequence), 0)), reference, metadata, id from users u "
    "where phone = ?1 and phone <> '' and id < ?2 order by id desc limit ?3";

inline constexpr const char* list_orders_of_user =
    "select user_id, coupon_id, total, discount, status, created_at, updated_at, reference, "
    "metadata, payment_entry_id, refund_entry_id, refunded, pay_key, pay_body, paid_at, "
    "pay_metadata, id from orders where user_id = ?1 and id < ?2 order by id desc limit ?3";

inline constexpr const char* list_orders_of_reference =
    "select user_id, coupon_id, total, discount, status, created_at, updated_at, reference, "
    "metadata, payment_entry_id, refund_entry_id, refunded, pay_key, pay_body, paid_at, "
    "pay_metadata, id from orders where reference = ?1 and id < ?2 order by id desc limit ?3";

// In two parts, so that many of the last time (of an import) are not passed one by one.
inline constexpr const char* list_orders_by_time =
    "select user_id, coupon_id, total, discount, status, created_at, updated_at, reference, "
    "metadata, payment_entry_id, refund_entry_id, refunded, pay_key, pay_body, paid_at, "
    "pay_metadata, id from orders where id in ("
    "select id from (select id from orders where created_at = ?2 and ?2 >= ?1 and id < ?3 "
    "order by id desc limit ?4) union all "
    "select id from (select id from orders where created_at >= ?1 and created_at < ?2 "
    "order by created_at desc, id desc limit ?4) limit ?4) "
    "order by created_at desc, id desc";

inline constexpr const char* list_entries_of_user =
    "select id, user_id, sequence, order_id, kind, amount, balance_after, created_at, reason, "
    "coalesce(refunded_after, amount), created_by from ledger_entries "
    "where user_id = ?1 and sequence < ?2 order by sequence desc limit ?3";

// All of one user, so the sequence orders them. The condition repeats what the index is partial by.
inline constexpr const char* list_entries_of_order =
    "select id, user_id, sequence, order_id, kind, amount, balance_after, created_at, reason, "
    "coalesce(refunded_after, amount), created_by from ledger_entries where id in "
    "(select payment_entry_id from orders where id = ?1 union all "
    "select id from (select id from ledger_entries where order_id = ?1 and kind = 2 "
    "and sequence < ?2 order by sequence desc limit ?3)) "
    "and sequence < ?2 order by sequence desc limit ?3";

// ?1 first time, ?2 last time, ?3 below which id of that, ?4 how many. Batches of the last time
// that are above ?3 give nothing: their range is empty.
inline constexpr const char* list_entries_by_time =
    "select e.id, e.user_id, e.sequence, e.order_id, e.kind, e.amount, e.balance_after, "
    "e.created_at, e.reason, coalesce(e.refunded_after, e.amount), e.created_by "
    "from entry_times t cross join ledger_entries e "
    "where t.created_at >= ?1 and t.created_at <= ?2 and e.id >= t.first_entry "
    "and e.id <= min(t.last_entry, iif(t.created_at = ?2, ?3 - 1, t.last_entry)) "
    "order by t.created_at desc, t.first_entry desc, e.id desc limit ?4";

// ---- delivery -----------------------------------------------------------------------------------

inline constexpr const char* get_instance = "select value from meta where name = 'instance'";

inline constexpr const char* find_subscriber =
    "select id, wants_payments, wants_refunds, held_until from subscribers where name = ?";

inline constexpr const char* hold_subscriber =
    "update subscribers set held_until = ?2 where id = ?1";

inline constexpr const char* subscriber_wants =
    "select wants_payments, wants_refunds from subscribers where id = ?";

inline constexpr const char* add_subscriber =
    "insert into subscribers (name, wants_payments, wants_refunds, created_at) values (?, ?, ?, ?)";

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
    "select id, generation, first_entry, last_entry, retries, since, provider from claims "
    "where subscriber_id = ? and stream_id = ? order by since, id";

inline constexpr const char* get_claim =
    "select id, generation, first_entry, last_entry, retries, since, provider from claims "
    "where id = ? and subscriber_id = ? and stream_id = ?";

inline constexpr const char* add_claim =
    "insert into claims (subscriber_id, stream_id, generation, first_entry, last_entry, retries, "
    "since, provider) values (?, ?, 1, ?, ?, ?, ?, ?)";

inline constexpr const char* next_generation =
    "update claims set generation = generation + 1, since = ?2 where id = ?1";

inline constexpr const char* end_claim = "delete from claims where id = ?";

// The events of a range of entries, charges among them as rows without an order, so that the number
// of entries looked at can be bounded. Left joins keep the order of the loops: by entry id.
inline constexpr const char* events_of_range =
    "select e.id, e.kind, e.created_at, o.id, e.user_id, o.coupon_id, o.total, o.discount, "
    "o.created_at, u.phone, o.reference, o.metadata from ledger_entries e left join orders o on "
    "o.id = e.order_id "
    "left join users u on u.id = o.user_id where e.id > ?1 and e.id <= ?2 order by e.id limit ?3";

inline constexpr const char* event_of_entry =
    "select e.id, e.kind, e.created_at, o.id, e.user_id, o.coupon_id, o.total, o.discount, "
    "o.created_at, u.phone, o.reference, o.metadata, d.attempts, d.copies from ledger_entries e "
    "left join orders o "
    "on o.id = e.order_id left join users u on u.id = o.user_id left join deliveries d on "
    "d.subscriber_id = ?2 "
    "and d.entry_id = e.id where e.id = ?1";

// The rest of a refund's event. A payment has none of it, and each column costs.
inline constexpr const char* get_refund =
    "select amount, coalesce(refunded_after, amount), reason from ledger_entries where id = ?";

// Of a message's user, where messages say something of it.
inline constexpr const char* get_user_words = "select reference, metadata from users where id = ?";

// The entries of a range claim, when it ends.
inline constexpr const char* entries_of_range =
    "select id, kind, created_at from ledger_entries where id >= ? and id <= ? order by id";

inline constexpr const char* entry_created = "select created_at from ledger_entries where id = ?";

// By the partial index: only what waits is looked at.
inline constexpr const char* due_retries =
    "select entry_id, next_attempt_at from deliveries where subscriber_id = ?1 and "
    "next_attempt_at is not null "
    "and status = 0 and next_attempt_at <= ?2 and entry_id >> 41 = ?3 order by next_attempt_at "
    "limit ?4";

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

// ---- pages of deliveries, retries by hand, pruning ----------------------------------------------

inline constexpr const char* list_places =
    "select b.id, b.name, b.wants_payments, b.wants_refunds, s.id, s.next, "
    "coalesce(c.position, 0), coalesce(c.kept_from, 0) from subscribers b cross join streams s "
    "left join cursors c on c.subscriber_id = b.id and c.stream_id = s.id";

inline constexpr const char* list_claimed =
    "select first_entry, last_entry from claims "
    "where subscriber_id = ? and stream_id = ? and first_entry is not null";

inline constexpr const char* stream_ends = "select id, next - 1 from streams order by id";

// Each by the primary key of what it walks through, downwards: ?4 rows are looked at.
inline constexpr const char* list_ledger =
    "select e.id, e.kind, e.order_id, e.created_at, d.status, d.attempts, d.last_error, "
    "d.provider_message_id, d.next_attempt_at, d.updated_at, d.delivered_at, d.channel from "
    "ledger_entries e "
    "left join deliveries d on d.subscriber_id = ?1 and d.entry_id = e.id "
    "where e.id > ?2 and e.id < ?3 order by e.id desc limit ?4";

inline constexpr const char* list_stored =
    "select d.entry_id, e.kind, e.order_id, e.created_at, d.status, d.attempts, d.last_error, "
    "d.provider_message_id, d.next_attempt_at, d.updated_at, d.delivered_at, d.channel from "
    "deliveries d "
    "left join ledger_entries e on e.id = d.entry_id "
    "where d.subscriber_id = ?1 and d.entry_id > ?2 and d.entry_id < ?3 "
    "order by d.entry_id desc limit ?4";

// The condition repeats what the index is partial by.
inline constexpr const char* entries_of_order =
    "select payment_entry_id as id from orders where id = ?1 and payment_entry_id is not null "
    "union all select id from ledger_entries where order_id = ?1 and kind = 2 "
    "order by 1 desc limit 10000";

// By the partial index: the condition repeats what the index is partial by.
inline constexpr const char* list_undelivered =
    "select d.entry_id, e.kind, e.order_id, e.created_at, d.status, d.attempts, d.last_error, "
    "d.provider_message_id, d.next_attempt_at, d.updated_at, d.delivered_at, d.channel from "
    "deliveries d "
    "left join ledger_entries e on e.id = d.entry_id "
    "where d.subscriber_id = ?1 and d.status = ?5 and d.status <> 1 and d.entry_id > ?2 "
    "and d.entry_id < ?3 order by d.entry_id desc limit ?4";

inline constexpr const char* is_failed =
    "select 1 from deliveries where subscriber_id = (select id from subscribers where name = ?1) "
    "and entry_id = ?2 and status = 2";

inline constexpr const char* retry_delivery =
    "update deliveries set status = 0, next_attempt_at = ?3, updated_at = ?3, copies = 0, "
    "channel = null "
    "where subscriber_id = (select id from subscribers where name = ?1) and entry_id = ?2";

// The next failed deliveries behind one of them, by the partial index.
inline constexpr const char* failed_behind =
    "select entry_id from deliveries where subscriber_id = ? and status = 2 and status <> 1 "
    "and entry_id > ? order by entry_id limit ?";

inline constexpr const char* retry_one_failed =
    "update deliveries set status = 0, next_attempt_at = ?3, updated_at = ?3, copies = 0, "
    "channel = null where subscriber_id = ?1 and entry_id = ?2 and status = 2";

// Nothing from the first open claim on is pruned: what it holds has no rows yet.
inline constexpr const char* prune_end =
    "select coalesce((select min(first_entry) from claims where subscriber_id = ?1 and "
    "stream_id = ?2), (select ?2 << 41 | position + 1 from cursors where subscriber_id = ?1 and "
    "stream_id = ?2), ?2 << 41)";

inline constexpr const char* prune_look =
    "select entry_id, status, created_at, updated_at from deliveries where subscriber_id = ? "
    "and entry_id > ? and entry_id < ? order by entry_id limit ?";

inline constexpr const char* prune_one =
    "delete from deliveries where subscriber_id = ? and entry_id = ?";

inline constexpr const char* raise_kept_from =
    "update cursors set kept_from = ?3 where subscriber_id = ?1 and stream_id = ?2 "
    "and kept_from < ?3";

// ---- what finally became of messages ------------------------------------------------------------

inline constexpr const char* find_results_mark =
    "select b.id, m.read_until, m.lease_until, "
    "(select min(since) from claims c where c.subscriber_id = b.id), "
    "(select value from meta where name = 'instance') "
    "from subscribers b left join result_marks m on m.subscriber_id = b.id where b.name = ?";

inline constexpr const char* take_results_turn =
    "insert into result_marks (subscriber_id, read_until, lease_until, turn) values (?1, ?2, ?3, 1)"
    " on conflict do update set read_until = ?2, lease_until = ?3, turn = turn + 1 returning turn";

// A turn that goes on has a lease; one that is over has none.
inline constexpr const char* keep_results_turn =
    "update result_marks set read_until = ?3, lease_until = ?4 "
    "where subscriber_id = ?1 and turn = ?2";

// Has results read again from an earlier time; the turn that goes on is void.
inline constexpr const char* read_results_again =
    "update result_marks set read_until = ?2, lease_until = ?3, turn = turn + 1 "
    "where subscriber_id = ?1 and read_until > ?2";

inline constexpr const char* note_arrival =
    "update deliveries set delivered_at = ?4, updated_at = ?5, "
    "channel = coalesce(nullif(?6, 0), channel) "
    "where subscriber_id = ?1 and entry_id = ?2 and status = 1 and delivered_at is null "
    "and substr(coalesce(provider_message_id, ?3), 1, length(?3)) = ?3";

inline constexpr const char* note_failure =
    "update deliveries set status = 2, last_error = ?4, updated_at = ?5 "
    "where subscriber_id = ?1 and entry_id = ?2 and status = 1 and delivered_at is null "
    "and substr(coalesce(provider_message_id, ?3), 1, length(?3)) = ?3";

} // namespace paymentd::db::sqlite::sql
