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

inline constexpr const char* forget_keys =
    "delete from idempotency_keys where key in (select key from idempotency_keys "
    "where created_at < ? order by created_at limit ?)";

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
