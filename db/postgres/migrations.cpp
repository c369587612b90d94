#include "db/postgres/administration.hpp"
#include "db/postgres/errors.hpp"
#include "db/postgres/schema.hpp"
#include "db/postgres/session_sql.hpp"

#include <algorithm>
#include <pqxx/pqxx>

namespace paymentd::db::postgres {
namespace {

// The key of the advisory lock: "paymentd" as a number.
constexpr const char* limit_locks = "set local lock_timeout = '5s'"; // who waits comes again
constexpr const char* lock_migrations = "select pg_advisory_xact_lock(8097580366316758116)";

std::string versions(std::int64_t has) {
  return " (schema " + std::to_string(has) + ", this program's is " +
         std::to_string(newest_schema) + ")";
}

// libpqxx 6 gives many of its exceptions a type, but not the server's state.
std::string state_of(const pqxx::sql_error& thrown) {
  if (thrown.sqlstate().size() == failure{}.sqlstate.size())
    return thrown.sqlstate();
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&thrown) != nullptr)
    return "42501";
  if (dynamic_cast<const pqxx::undefined_table*>(&thrown) != nullptr)
    return "42P01";
  if (dynamic_cast<const pqxx::insufficient_resources*>(&thrown) != nullptr)
    return "53000";
  return "XX000"; // not known to pass by itself
}

std::unexpected<error> broken(std::string text) {
  return std::unexpected(error{error_kind::broken, std::move(text)});
}

} // namespace

result<void> judge_schema(bool schema_there, bool is_ours, std::string_view some_table,
                          std::int64_t version, bool may_be_older) {
  if (schema_there && !is_ours && !some_table.empty())
    return broken("the schema \"paymentd\" of the database holds another application's tables (" +
                  std::string(some_table) + ", …)");
  if (is_ours && version > newest_schema)
    return broken("the database is newer than this program" + versions(version));
  if (may_be_older)
    return {};
  if (!is_ours || version == 0)
    return broken("the database has no schema yet: run paymentd migrate");
  if (version < newest_schema)
    return broken("the database is older than this program: run paymentd migrate" +
                  versions(version));
  return {};
}

error current_error(const conninfo& to, std::string_view doing) {
  failure what;
  try {
    throw;
  } catch (const pqxx::broken_connection& thrown) {
    what.text = thrown.what();
    std::erase(what.text, '\n');
    return to_connect_error(what, to);
  } catch (const pqxx::sql_error& thrown) {
    const std::string state = state_of(thrown);
    std::copy_n(state.begin(), what.sqlstate.size(), what.sqlstate.begin());
    what.text = thrown.what();
    // libpqxx gives the server's message with its prefix and its other lines.
    if (what.text.starts_with("ERROR:"))
      what.text.erase(0, what.text.find_first_not_of(' ', 6));
    what.text.erase(std::min(what.text.find('\n'), what.text.size()));
    return to_error(what, doing);
  } catch (const std::exception& thrown) {
    return {error_kind::broken,
            "database: " + std::string(doing) + ": " + std::string(thrown.what())};
  }
}

result<int> migrate(const conninfo& to, instant now) {
  try {
    pqxx::connection on(to.text());
    int applied = 0;
    for (;;) {
      pqxx::work step(on);
      step.exec(limit_locks);
      step.exec(lock_migrations);
      const auto state = step.exec1(sql::schema_state.text);
      const bool there = state[0].as<bool>();
      const bool ours = state[1].as<bool>();
      std::int64_t version = 0;
      if (!there)
        step.exec("create schema paymentd");
      if (ours) {
        step.exec("set local search_path = paymentd");
        version = step.exec1(sql::schema_version.text)[0].as<std::int64_t>();
      }
      if (auto fits = judge_schema(there, ours, state[2].c_str(), version, true); !fits)
        return std::unexpected(fits.error());
      if (version == newest_schema)
        return applied;
      step.exec("set local search_path = paymentd");
      if (!ours)
        step.exec("create table schema_migrations (version bigint primary key, "
                  "applied_at timestamptz not null)");
      step.exec(migrations[static_cast<std::size_t>(version)]);
      step.exec_params("insert into schema_migrations values ($1, to_timestamp($2 / 1000.0))",
                       version + 1, now.time_since_epoch().count());
      step.commit();
      ++applied;
    }
  } catch (const std::exception&) {
    return std::unexpected(current_error(to, "migrate"));
  }
}

result<void> check_schema(const conninfo& to, const session_limits& limits) {
  auto on = connection::open(to, limits);
  if (!on)
    return std::unexpected(to_connect_error(on.error(), to));
  const auto deadline = std::chrono::steady_clock::now() + limits.call;
  on->add(sql::schema_state);
  auto answers = on->run(deadline);
  if (!answers)
    return std::unexpected(to_error(answers.error(), "check the schema"));
  const bool there = answers->front()[0].boolean(0);
  const bool ours = answers->front()[0].boolean(1);
  const std::string some_table(answers->front()[0].text(2));
  std::int64_t version = 0;
  if (ours) {
    on->add(sql::schema_version);
    answers = on->run(deadline);
    if (!answers)
      return std::unexpected(to_error(answers.error(), "check the schema"));
    version = answers->front()[0].integer(0);
  }
  return judge_schema(there, ours, some_table, version, false);
}

} // namespace paymentd::db::postgres
