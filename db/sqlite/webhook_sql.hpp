// Statements of webhooks, of what deleted ones leave behind, and of replays.
#pragma once

#include "db/joined_text.hpp"
#include "db/webhook_columns.hpp"

namespace paymentd::db::sqlite::sql {

inline constexpr const char* all_webhooks =
    joined<"select ", webhook_columns,
           " from webhooks w join subscribers b on b.name = 'webhook-' || w.name order by w.name">;

inline constexpr const char* webhook_work_left =
    "select exists (select 1 from replays) or exists (select 1 from ended_subscribers)";

inline constexpr const char* put_webhook =
    "insert into webhooks (name, url, secret, old_secrets, enabled, max_in_flight, max_per_second, "
    "allow_private_network, ca_file, content_type, timeout_ms, failing_since, paused_at, "
    "created_at, updated_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "on conflict (name) do update set url = excluded.url, secret = excluded.secret, "
    "old_secrets = excluded.old_secrets, enabled = excluded.enabled, "
    "max_in_flight = excluded.max_in_flight, max_per_second = excluded.max_per_second, "
    "allow_private_network = excluded.allow_private_network, "
    "content_type = excluded.content_type, failing_since = excluded.failing_since, "
    "paused_at = excluded.paused_at, updated_at = excluded.updated_at";

inline constexpr const char* delete_webhook = "delete from webhooks where name = ?";

inline constexpr const char* mark_taken_over =
    "insert into meta (name, value) values (?, 'yes') on conflict do nothing";

// ---- deleted subscribers ------------------------------------------------------------------------

inline constexpr const char* subscriber_id_of = "select id from subscribers where name = ?";
inline constexpr const char* note_ended = "insert into ended_subscribers (id) values (?)";
inline constexpr const char* delete_subscriber = "delete from subscribers where id = ?";
inline constexpr const char* delete_cursors = "delete from cursors where subscriber_id = ?";
inline constexpr const char* delete_claims = "delete from claims where subscriber_id = ?";
inline constexpr const char* delete_replays = "delete from replays where subscriber_id = ?";
inline constexpr const char* delete_former_kinds =
    "delete from former_kinds where subscriber_id = ?";
inline constexpr const char* some_ended = "select id from ended_subscribers order by id limit 1";
inline constexpr const char* delete_deliveries =
    "delete from deliveries where subscriber_id = ?1 and entry_id in (select entry_id from "
    "deliveries where subscriber_id = ?1 order by entry_id limit ?2)";
inline constexpr const char* forget_ended = "delete from ended_subscribers where id = ?";

// ---- replays ------------------------------------------------------------------------------------

// Up to where each stream was delivered by now, and no further back than the subscriber is old.
// Another replay takes the place of one that goes on. An upsert from a select has to have a
// condition (https://www.sqlite.org/lang_upsert.html, 2.2).
inline constexpr const char* add_replays =
    "insert into replays (subscriber_id, stream_id, from_time, next, last) "
    "select b.id, c.stream_id, max(?2, b.created_at), 0, c.position from subscribers b "
    "join cursors c on c.subscriber_id = b.id where b.name = ?1 and c.position > 0 "
    "on conflict do update set from_time = excluded.from_time, next = 0, last = excluded.last";

inline constexpr const char* all_replays =
    "select subscriber_id, stream_id, from_time, next, last from replays "
    "order by subscriber_id, stream_id";

// Messages of the stream that wait for a time; no more than ?3 are counted.
inline constexpr const char* count_waiting =
    "select count(*) from (select 1 from deliveries where subscriber_id = ?1 "
    "and next_attempt_at is not null and entry_id >> 41 = ?2 limit ?3)";

inline constexpr const char* entries_from =
    "select id, kind, created_at from ledger_entries where id >= ? and id <= ? order by id limit ?";

// Imported entries, and those that are claimed.
inline constexpr const char* replay_gaps =
    "select first_entry, last_entry from imports "
    "where first_entry is not null and last_entry >= ?3 and first_entry <= ?4 "
    "union all select first_entry, last_entry from claims "
    "where subscriber_id = ?1 and stream_id = ?2 and first_entry is not null";

// One that waits or is claimed already stays as it is.
inline constexpr const char* replay_entry =
    "insert into deliveries (subscriber_id, entry_id, status, attempts, next_attempt_at, "
    "created_at, updated_at) values (?1, ?2, 0, 0, ?4, ?3, ?4) "
    "on conflict do update set status = 0, next_attempt_at = ?4, updated_at = ?4, copies = 0, "
    "channel = null, delivered_at = null where status <> 0";

inline constexpr const char* move_replay =
    "update replays set next = ?3 where subscriber_id = ?1 and stream_id = ?2";
inline constexpr const char* end_replay =
    "delete from replays where subscriber_id = ? and stream_id = ?";

} // namespace paymentd::db::sqlite::sql
