// The audit: one read-only transaction on one snapshot, so that a live database can be judged while
// it is used.
#include "db/postgres/administration.hpp"
#include "db/postgres/audit_sql.hpp"

#include <pqxx/pqxx>

namespace paymentd::db::postgres {
namespace {

// Whole tables are read: hours may be fine, and what the role or the URL limits otherwise is not.
constexpr const char* prepare_audit =
    "set local search_path = paymentd; set local statement_timeout = 0; "
    "set local idle_in_transaction_session_timeout = 0; set local work_mem = '64MB'; "
    "set local cursor_tuple_fraction = 1; " // all lines are read, so plan for all
    // Tables that were never analyzed look large, and compiling the queries then takes seconds,
    // each.
    "set local jit = off";

using snapshot_transaction = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

std::int64_t run(snapshot_transaction& in, const char* query,
                 const std::function<void(std::string_view)>& breach) {
  // By a cursor, so that a database with millions of breaches does not fill the memory.
  in.exec("declare breaches no scroll cursor for " + std::string(query));
  std::int64_t count = 0;
  for (;;) {
    const auto lines = in.exec("fetch 1000 from breaches");
    for (const auto& line : lines)
      breach(line[0].c_str());
    count += static_cast<std::int64_t>(lines.size());
    if (lines.empty())
      break;
  }
  in.exec("close breaches");
  return count;
}

} // namespace

result<std::int64_t> audit(const conninfo& to,
                           const std::function<void(std::string_view)>& breach) {
  try {
    pqxx::connection on(to.text());
    snapshot_transaction in(on);
    in.exec(prepare_audit);
    std::int64_t count = 0;
    for (const char* query : sql::audit_queries)
      count += run(in, query, breach);
    return count;
  } catch (const std::exception&) {
    return std::unexpected(current_error(to, "audit"));
  }
}

} // namespace paymentd::db::postgres
