// Statements that nothing is sent by: retries by hand, pruning, what finally became of messages,
// and the forgetting of idempotency keys.
#pragma once

namespace paymentd::db::sqlite::sql {

inline constexpr const char* is_failed =
    "select 1 from deliveries where subscriber_id = (select id from subscribers where name = ?1) "
    "and entry_id = ?2 and status = 2";

inline constexpr const char* retry_delivery =
    "update deliveries set status = 0, next_attempt_at = ?3, updated_at = ?3, copies = 0, "
    "channel = null "
    "where subscriber_id = (select id from subscribers where name = ?1) and entry_id = ?2";

// The next failed deliveries behind one of them, by the partial index.
inline constexpr const char* failed_behind = "select entry_id, created_at from deliveries where "
                                             "subscriber_id = ? and status = 2 and status <> 1 "
                                             "and entry_id > ? order by entry_id limit ?";

inline constexpr const char* next_subscriber =
    "select id, name from subscribers where id >= ?1 and ?2 in ('', name) order by id limit 1";

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

inline constexpr const char* forget_keys =
    "delete from idempotency_keys where key in (select key from idempotency_keys "
    "where created_at < ? order by created_at limit ?)";

// Ahead of the cursors, in claims of new messages, and PENDING: waiting or claimed again. The cross
// joins keep the order of the loops: few streams and claims, then their entries by id. By the
// primary key, which SQLite would choose for the order, all that is DELIVERED would be passed. ?1
// name, ?2 rows to look at, of each.
inline constexpr const char* measure_backlog =
    "select count(*), min(m.created_at) from subscribers b join ("
    "select * from (select p.subscriber_id, e.kind, e.created_at from ("
    "select n.id as subscriber_id, s.id as stream_id, coalesce(c.position, 0) as position "
    "from subscribers n cross join streams s left join cursors c on c.subscriber_id = n.id "
    "and c.stream_id = s.id where n.name = ?1) p cross join ledger_entries e "
    "where e.id > (p.stream_id << 41) + p.position and e.id < (p.stream_id + 1) << 41 limit ?2) "
    "union all select * from (select k.subscriber_id, e.kind, e.created_at from subscribers n "
    "cross join claims k cross join ledger_entries e where n.name = ?1 "
    "and k.subscriber_id = n.id and e.id >= k.first_entry and e.id <= k.last_entry limit ?2) "
    "union all select * from (select d.subscriber_id, null, d.created_at from deliveries d "
    "indexed by deliveries_undelivered "
    "where d.subscriber_id = (select id from subscribers where name = ?1) and d.status = 0 "
    "and d.status <> 1 order by d.entry_id limit ?2)) m on m.subscriber_id = b.id "
    "where m.kind is null or (m.kind = 1 and b.wants_payments) "
    "or (m.kind = 2 and b.wants_refunds)";

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

// Gives the entry of the message, which has a try more then (add_try).
inline constexpr const char* note_failure =
    "update deliveries set status = 2, last_error = ?4, updated_at = ?5 "
    "where subscriber_id = ?1 and entry_id = ?2 and status = 1 and delivered_at is null "
    "and substr(coalesce(provider_message_id, ?3), 1, length(?3)) = ?3 returning entry_id";

// The same by the provider's id, where that is all that is known.
inline constexpr const char* note_arrival_by_id =
    "update deliveries indexed by deliveries_by_message set delivered_at = ?3, updated_at = ?4, "
    "channel = coalesce(nullif(?5, 0), channel) where provider_message_id = ?2 "
    "and provider_message_id >= '#' and provider_message_id < '$' "
    "and subscriber_id = ?1 and status = 1 and delivered_at is null";

inline constexpr const char* note_failure_by_id =
    "update deliveries indexed by deliveries_by_message set status = 2, last_error = ?3, "
    "updated_at = ?4 where provider_message_id = ?2 "
    "and provider_message_id >= '#' and provider_message_id < '$' "
    "and subscriber_id = ?1 and status = 1 and delivered_at is null returning entry_id";

// The results of audits, as db/noted_audit.hpp reads them.
inline constexpr const char* get_audits =
    "select name, began_at, took_ms, entries, orders, breaches, first_breaches, version "
    "from audits where name in ('last', 'last_clean')";

} // namespace paymentd::db::sqlite::sql
