// The look of `paymentd doctor` at a PostgreSQL database: in one transaction that cannot write.
#include "db/postgres/administration.hpp"
#include "db/postgres/connection.hpp"
#include "db/postgres/database.hpp"
#include "db/postgres/errors.hpp"
#include "db/postgres/schema.hpp"
#include "db/postgres/session_sql.hpp"

#include <pqxx/pqxx>

#include <cstdlib>

namespace paymentd::db::postgres {
namespace {

using std::chrono::milliseconds;

/// Clocks that NTP keeps differ by less.
constexpr milliseconds clock_error_max{2000};

constexpr const char* limit_time =
    "set local statement_timeout = '5s'; set local lock_timeout = '5s'";

// The session as a role has it before paymentd sets anything. While it serves, it sets its own
// lock_timeout, search_path and the like; `keeps_settings` looks whether they stay. A time-out of
// '0' is none.
constexpr const char* role_session = R"sql(
select quote_ident(current_user) as role, quote_ident(current_database()) as name,
  pg_is_in_recovery() as is_standby,
  current_setting('server_encoding') as encoding,
  current_setting('synchronous_commit') as synchronous_commit,
  current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
  current_setting('statement_timeout') as statement_timeout,
  current_setting('default_transaction_read_only') as read_only,
  has_database_privilege(current_database(), 'CREATE') as may_create)sql";

constexpr const char* server_time = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";

constexpr const char* foreign_tables = R"sql(
select relname from pg_catalog.pg_class
where relnamespace = 'paymentd'::regnamespace and relkind = 'r'
  and not pg_has_role(relowner, 'USAGE') order by 1 limit 1)sql";

// Each table needs all four, but for those that the store only reads, or only adds to. The
// rights of import, audit and migrate are not asked for, since another role may do these.
constexpr const char* missing_privileges = R"sql(
select string_agg(needed || ' on ' || relname, ', ' order by relname, needed)
from pg_catalog.pg_class,
  unnest(array['select', 'insert', 'update', 'delete']) as needed
where relnamespace = 'paymentd'::regnamespace and relkind = 'r'
  and not has_table_privilege(pg_class.oid, needed)
  and (relname, needed) not in (
    values ('meta', 'update'), ('meta', 'delete'),
      ('schema_migrations', 'insert'), ('schema_migrations', 'update'),
      ('schema_migrations', 'delete'),
      ('imports', 'insert'), ('imports', 'update'), ('imports', 'delete'),
      ('audits', 'insert'), ('audits', 'update'), ('audits', 'delete'),
      ('users', 'delete'), ('orders', 'delete'),
      ('ledger_entries', 'update'), ('ledger_entries', 'delete'),
      ('id_blocks', 'insert'), ('id_blocks', 'delete'), ('batch_marks', 'update'),
      ('streams', 'delete'), ('stream_epochs', 'delete'), ('former_kinds', 'update'),
      ('result_marks', 'delete')))sql";

/// A pooler in transaction mode hands the next statement to another session.
constexpr statement keeps_settings{
    "keeps_settings",
    "select current_setting('search_path') = 'paymentd' and current_setting('lock_timeout') <> '0' "
    "and current_setting('statement_timeout') <> '0' "
    "and current_setting('synchronous_commit') <> 'off'"};

struct seen {
  std::string role;
  std::string name;
  bool may_create = false;
};

void look_at_server(const pqxx::row& row, const seen& as, std::vector<finding>& found) {
  const auto text = [&](const char* column) { return std::string(row[column].c_str()); };
  if (row["is_standby"].as<bool>())
    found.push_back({"the server is a standby, which takes no payments",
                     "name the primary in database.url, or all servers with commas between them"});
  if (text("read_only") == "on")
    found.push_back({"default_transaction_read_only is on, so no payment can be stored",
                     "alter role " + as.role + " set default_transaction_read_only = off"});
  if (text("encoding") != "UTF8")
    found.push_back(
        {"the database's encoding is " + text("encoding") + ", which cannot hold every name",
         "make one with: create database … encoding 'UTF8' template template0"});
  for (const char* each : {"fsync", "full_page_writes"})
    if (text(each) != "on")
      found.push_back({std::string("the server's ") + each +
                           " is off: a crash of its machine can lose payments that were answered",
                       std::string("alter system set ") + each + " = on"});
  if (text("synchronous_commit") == "off")
    found.push_back({"synchronous_commit is off: paymentd waits for the disk all the same, but "
                     "imports do not",
                     "alter role " + as.role + " set synchronous_commit = on"});
  if (text("statement_timeout") != "0")
    found.push_back({"statement_timeout is " + text("statement_timeout") +
                         ", which may end a long upgrade of the schema",
                     "alter role " + as.role + " set statement_timeout = 0"});
}

void look_at_clock(pqxx::transaction_base& in, const examination& what,
                   std::vector<finding>& found) {
  const instant before = what.now();
  const instant there{milliseconds{in.exec1(server_time)[0].as<std::int64_t>()}};
  const instant after = what.now();
  // Somewhere between the two the server looked at its own.
  const milliseconds off = there < before  ? there - before
                           : there > after ? there - after
                                           : milliseconds{0};
  if (std::abs(off.count()) > clock_error_max.count())
    found.push_back({"this machine's clock is " + std::to_string(std::abs(off.count())) + " ms " +
                         (off.count() > 0 ? "behind" : "ahead of") + " the database server's",
                     "have NTP keep both"});
}

/// The schema is there, and of this version.
void look_at_rights(pqxx::transaction_base& in, std::int64_t version, const seen& as, bool migrates,
                    std::vector<finding>& found) {
  if (version == newest_schema) {
    const auto missing = in.exec1(missing_privileges);
    if (!missing[0].is_null())
      found.push_back(
          {"the role " + as.role + " lacks rights in the schema paymentd: " + missing[0].c_str(),
           "grant them, or migrate with the role that serves"});
    return;
  }
  if (!migrates) {
    found.push_back({"the database's schema is not this program's, and database.migrations is off",
                     "run paymentd migrate"});
    return;
  }
  const auto others = in.exec(foreign_tables);
  if (!others.empty())
    found.push_back({"the role " + as.role + " cannot upgrade the schema: the table " +
                         others[0][0].c_str() + " is another role's",
                     "run paymentd migrate with the role that owns the tables"});
}

void look_at_schema(pqxx::transaction_base& in, const examination& what, const seen& as,
                    std::vector<finding>& found) {
  const auto state = in.exec1(sql::schema_state.text);
  const bool is_there = state[0].as<bool>();
  const bool is_ours = state[1].as<bool>();
  if (!is_there) {
    if (!what.migrates)
      found.push_back({"the database has no schema yet, and database.migrations is off",
                       "run paymentd migrate"});
    else if (!as.may_create)
      found.push_back({"the role " + as.role + " may not make the schema paymentd",
                       "grant create on database " + as.name + " to " + as.role});
    return;
  }
  if (!in.exec1("select has_schema_privilege('paymentd', 'USAGE')")[0].as<bool>()) {
    found.push_back({"the role " + as.role + " may not use the schema paymentd",
                     "grant usage on schema paymentd to " + as.role});
    return;
  }
  std::int64_t version = 0;
  if (is_ours) {
    if (!in.exec1("select has_table_privilege('paymentd.schema_migrations', 'SELECT')")[0]
             .as<bool>()) {
      found.push_back({"the role " + as.role + " may not read the schema's version",
                       "grant select on paymentd.schema_migrations to " + as.role});
      return;
    }
    in.exec("set local search_path = paymentd");
    version = in.exec1(sql::schema_version.text)[0].as<std::int64_t>();
  }
  if (const auto fits = judge_schema(is_there, is_ours, state[2].c_str(), version, true); !fits)
    found.push_back({fits.error().text, is_ours ? "install the release that made it, or a later one"
                                                : "give paymentd a database of its own"});
  else if (is_ours)
    look_at_rights(in, version, as, what.migrates, found);
}

/// As the store connects.
void look_at_session(const conninfo& to, const session_limits& limits,
                     std::vector<finding>& found) {
  constexpr const char* remedy =
      "have a pooler keep sessions (PgBouncer: pool_mode = session), and the role its rights";
  auto on = connection::open(to, limits);
  if (!on) {
    found.push_back({to_connect_error(on.error(), to).text, remedy});
    return;
  }
  on->add(keeps_settings);
  const auto answers = on->run(std::chrono::steady_clock::now() + limits.call);
  if (!answers)
    found.push_back({to_error(answers.error(), "look at the session").text, remedy});
  else if (!answers->front()[0].boolean(0))
    found.push_back({"the database forgets the settings of a session at once", remedy});
}

} // namespace

std::vector<finding> examine(const examination& what) {
  std::vector<finding> found;
  const session_limits limits = limits_for(what.lease);
  const auto to = conninfo::parse(what.url, limits);
  if (!to) {
    found.push_back({to.error().text, "set database.url right"});
    return found;
  }
  try {
    pqxx::connection on(to->text());
    pqxx::read_transaction in(on);
    const auto row = in.exec1(role_session);
    const seen as{row["role"].c_str(), row["name"].c_str(), row["may_create"].as<bool>()};
    in.exec(limit_time);
    look_at_server(row, as, found);
    look_at_clock(in, what, found);
    look_at_schema(in, what, as, found);
  } catch (const std::exception&) {
    found.push_back(
        {current_error(*to, "look at it").text, "start the server, or set database.url right"});
    return found;
  }
  look_at_session(*to, limits, found);
  return found;
}

} // namespace paymentd::db::postgres
