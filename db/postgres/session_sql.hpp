// Statements of sessions and transactions, and the rules of all SQL of the PostgreSQL store. Each
// statement says what it locks. They stand by subject in *_sql.hpp; only the schema (schema.hpp)
// and work off the hot path (seed.cpp, audit.cpp, export.cpp, retry_all.cpp) keep theirs to
// themselves.
//
// The order of locks, everywhere: the stream's row, the cursor, users, orders, deliveries,
// idempotency keys; the ids of one statement sorted. An order is read and changed behind the lock
// of its owner. A locking statement returns only rows that it locks itself. All
// rows are reached by an index, most by their primary keys: begin_session turns the other ways off,
// since a plan is made once and kept while its tables grow.
#pragma once

#include "db/postgres/statement.hpp"

namespace paymentd::db::postgres::sql {

// No locks. Gives the timeline, which tells a promoted standby from the server before it.
inline constexpr statement begin_session{"begin_session", R"sql(
select case when pg_is_in_recovery() then 0::bigint
       else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end,
  set_config('search_path', 'paymentd', false),
  set_config('lock_timeout', $1::text, false),
  set_config('statement_timeout', $2::text, false),
  set_config('idle_in_transaction_session_timeout', $3::text, false),
  set_config('tcp_user_timeout', $4::text, false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('synchronous_commit', case current_setting('synchronous_commit')
             when 'off' then 'on' else current_setting('synchronous_commit') end, false),
  set_config('client_encoding', 'UTF8', false),
  set_config('client_min_messages', 'warning', false),
  set_config('plan_cache_mode', 'force_generic_plan', false),
  set_config('enable_seqscan', 'off', false),
  set_config('enable_bitmapscan', 'off', false),
  set_config('enable_hashjoin', 'off', false),
  set_config('enable_mergejoin', 'off', false),
  set_config('enable_material', 'off', false),
  set_config('jit', 'off', false))sql"};

inline constexpr statement begin{"begin", "begin"};
inline constexpr statement commit{"commit", "commit"};
inline constexpr statement rollback{"rollback", "rollback"};
inline constexpr statement ping{"ping", "select 1"};

// No locks. All that has to be there is there, or this fails with a state that says what is not.
inline constexpr statement schema_state{"schema_state", R"sql(
select exists (select from pg_catalog.pg_namespace where nspname = 'paymentd'),
       exists (select from pg_catalog.pg_tables
               where schemaname = 'paymentd' and tablename = 'schema_migrations'),
       coalesce((select tablename::text from pg_catalog.pg_tables where schemaname = 'paymentd'
                 order by 1 limit 1), ''))sql"};
inline constexpr statement schema_version{
    "schema_version", "select coalesce(max(version), 0) from schema_migrations"};
inline constexpr statement instance{"instance", "select value from meta where name = 'instance'"};

// One snapshot for all reads of a page.
inline constexpr statement begin_snapshot{"begin_snapshot",
                                          "begin isolation level repeatable read read only"};

} // namespace paymentd::db::postgres::sql
