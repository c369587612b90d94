// Work on a PostgreSQL database off the hot path: migrations, seed, import, export, audit and the
// retry of all that failed, through libpqxx or by COPY. Each opens a connection of its own; any
// thread. Failures of the server leave as pqxx's exceptions and are turned into db::error by
// `current_error`.
#pragma once

#include "db/postgres/conninfo.hpp"
#include "db/store.hpp"

namespace pqxx {
class connection_base;
}

namespace paymentd::db::postgres {

/// Applies what is missing of the schema, under an advisory lock. Gives how many were applied.
result<int> migrate(const conninfo& to, instant now);

/// Whether the schema is there and this program's.
result<void> check_schema(const conninfo& to, const session_limits& limits);

result<void> seed(const conninfo& to, const seed_plan& plan, instant now);

result<import_result> import_users(const conninfo& to, const import_file& file,
                                   const user_source& rows, instant now);
result<import_result> import_orders(const conninfo& to, const import_file& file,
                                    const order_source& rows, instant now);

result<void> export_entries(const conninfo& to, const entry_range& range, const entry_sink& sink);

result<audit_result> audit(const conninfo& to, const std::function<void(std::string_view)>& breach);

/// On a connection of its own, since that of the audit may not write.
result<void> note_audit(const conninfo& to, const audit_result& what);

result<std::int64_t> retry_all_failed(const conninfo& to, std::string_view subscriber, instant now,
                                      const std::function<void(std::int64_t)>& progress);

/// Says what is wrong with a schema of this state; nothing where it is this program's or, with
/// `may_be_older`, can be upgraded to it.
result<void> judge_schema(bool schema_there, bool is_ours, std::string_view some_table,
                          std::int64_t version, bool may_be_older);

/// The error of an exception that is being handled.
error current_error(const conninfo& to, std::string_view doing);

} // namespace paymentd::db::postgres
