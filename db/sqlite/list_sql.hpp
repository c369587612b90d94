// Statements that read for clients: pages of users, orders, ledger entries and deliveries.
#pragma once

#include "db/sqlite/columns.hpp"

namespace paymentd::db::sqlite::sql {

// Newest first, by an index each; a list by time gives its first time, its last one and, for that,
// below which id.

inline constexpr const char* list_users =
    joined<"select ", user_columns, ", id from users u where id < ?1 order by id desc limit ?2">;

inline constexpr const char* list_users_of_reference =
    joined<"select ", user_columns,
           ", id from users u where reference = ?1 and id < ?2 order by id desc limit ?3">;

// The condition repeats what the index is partial by.
inline constexpr const char* list_users_of_phone =
    joined<"select ", user_columns,
           ", id from users u where phone = ?1 and phone <> '' and id < ?2 "
           "order by id desc limit ?3">;

inline constexpr const char* list_orders_of_user =
    joined<"select ", order_columns, ", ", payment_columns,
           ", id from orders where user_id = ?1 and id < ?2 order by id desc limit ?3">;

inline constexpr const char* list_orders_of_reference =
    joined<"select ", order_columns, ", ", payment_columns,
           ", id from orders where reference = ?1 and id < ?2 order by id desc limit ?3">;

// In two parts, so that many of the last time (of an import) are not passed one by one.
inline constexpr const char* list_orders_by_time =
    joined<"select ", order_columns, ", ", payment_columns,
           ", id from orders where id in ("
           "select id from (select id from orders where created_at = ?2 and ?2 >= ?1 and id < ?3 "
           "order by id desc limit ?4) union all "
           "select id from (select id from orders where created_at >= ?1 and created_at < ?2 "
           "order by created_at desc, id desc limit ?4) limit ?4) "
           "order by created_at desc, id desc">;

inline constexpr const char* list_entries_of_user =
    joined<"select ", entry_columns,
           " from ledger_entries e where user_id = ?1 and sequence < ?2 "
           "order by sequence desc limit ?3">;

// All of one user, so the sequence orders them. The condition repeats what the index is partial by.
inline constexpr const char* list_entries_of_order =
    joined<"select ", entry_columns,
           " from ledger_entries e where id in "
           "(select payment_entry_id from orders where id = ?1 union all "
           "select id from (select id from ledger_entries where order_id = ?1 and kind = 2 "
           "and sequence < ?2 order by sequence desc limit ?3)) "
           "and sequence < ?2 order by sequence desc limit ?3">;

// ?1 first time, ?2 last time, ?3 below which id of that, ?4 how many. Batches of the last time
// that are above ?3 give nothing: their range is empty.
inline constexpr const char* list_entries_by_time =
    joined<"select ", entry_columns,
           " from entry_times t cross join ledger_entries e "
           "where t.created_at >= ?1 and t.created_at <= ?2 and e.id >= t.first_entry "
           "and e.id <= min(t.last_entry, iif(t.created_at = ?2, ?3 - 1, t.last_entry)) "
           "order by t.created_at desc, t.first_entry desc, e.id desc limit ?4">;

// ---- deliveries ---------------------------------------------------------------------------------

inline constexpr const char* list_cursors =
    "select b.id, b.name, b.wants_payments, b.wants_refunds, s.id, s.next, "
    "coalesce(c.position, 0), coalesce(c.kept_from, 0) from subscribers b cross join streams s "
    "left join cursors c on c.subscriber_id = b.id and c.stream_id = s.id";

inline constexpr const char* list_claimed =
    "select first_entry, last_entry from claims "
    "where subscriber_id = ? and stream_id = ? and first_entry is not null";

inline constexpr const char* stream_ends = "select id, next - 1 from streams order by id";

// Each by the primary key of what it walks through, downwards: ?4 rows are looked at.
inline constexpr const char* list_ledger =
    joined<"select e.id, ", delivery_columns,
           " from ledger_entries e left join deliveries d on d.subscriber_id = ?1 "
           "and d.entry_id = e.id where e.id > ?2 and e.id < ?3 order by e.id desc limit ?4">;

inline constexpr const char* list_stored =
    joined<"select d.entry_id, ", delivery_columns,
           " from deliveries d left join ledger_entries e on e.id = d.entry_id "
           "where d.subscriber_id = ?1 and d.entry_id > ?2 and d.entry_id < ?3 "
           "order by d.entry_id desc limit ?4">;

// The condition repeats what the index is partial by.
inline constexpr const char* entries_of_order =
    "select payment_entry_id as id from orders where id = ?1 and payment_entry_id is not null "
    "union all select id from ledger_entries where order_id = ?1 and kind = 2 "
    "order by 1 desc limit 10000";

// By the partial index: the condition repeats what the index is partial by.
inline constexpr const char* list_undelivered =
    joined<"select d.entry_id, ", delivery_columns,
           " from deliveries d left join ledger_entries e on e.id = d.entry_id "
           "where d.subscriber_id = ?1 and d.status = ?5 and d.status <> 1 and d.entry_id > ?2 "
           "and d.entry_id < ?3 order by d.entry_id desc limit ?4">;

} // namespace paymentd::db::sqlite::sql
