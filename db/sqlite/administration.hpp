// Work on an embedded database off the hot path: seed, import, export, audit and the retry of all
// that failed. Each has a connection of its own, and what writes has the database alone, but for
// the note of an audit; any thread. SQLite's failures leave as its exceptions.
#pragma once

#include "db/sqlite/connection.hpp"
#include "db/store.hpp"

#include <functional>

namespace paymentd::db::sqlite {

/// `broken` where the database is not empty. In bounded transactions, each of which keeps every
/// invariant; one that was interrupted leaves a smaller database, not a wrong one.
result<void> seed(connection& on, const seed_plan& plan, instant now);

/// In one transaction.
result<import_result> import_users(connection& on, const import_file& file, const user_source& rows,
                                   instant now);
result<import_result> import_orders(connection& on, const import_file& file,
                                    const order_source& rows, instant now);

/// In short snapshots, since a long one would keep the log of a busy server from starting anew.
/// Their whole is one snapshot all the same: it ends, in each stream, where that ended when the
/// export began, and the entries before that never change.
void export_entries(connection& on, const entry_range& range, const entry_sink& to);

/// Calls `breach` with one line for each breach and gives the result; in many short snapshots.
audit_result audit(connection& on, const std::function<void(std::string_view)>& breach);

/// Beside the process that serves, which waits for as long as two rows take.
void note_audit(connection& on, const audit_result& what);

result<std::int64_t> retry_all_failed(connection& on, std::string_view subscriber, instant now,
                                      const std::function<void(std::int64_t)>& progress);

} // namespace paymentd::db::sqlite
