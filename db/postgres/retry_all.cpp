// Retries every FAILED delivery, for the command line; beside processes that serve.
#include "db/postgres/administration.hpp"

#include <pqxx/pqxx>

namespace paymentd::db::postgres {
namespace {

constexpr int retried_at_once_max = 1'000;

// The next ones behind $2 by the partial index. Locks them, by rising id, until the commit at once.
constexpr const char* retry_some = R"sql(
with failed as (
  select subscriber_id, entry_id from paymentd.deliveries
  where subscriber_id = $1::bigint and status = 2 and status <> 1 and entry_id > $2::bigint
  order by entry_id limit $3::bigint for update),
changed as (
  update paymentd.deliveries d set status = 0, next_attempt_at = to_timestamp($4 / 1000.0),
    updated_at = to_timestamp($4 / 1000.0), copies = 0, channel = null
  from failed f where d.subscriber_id = f.subscriber_id and d.entry_id = f.entry_id
  returning d.entry_id)
select count(*), coalesce(max(entry_id), 0) from changed)sql";

} // namespace

result<std::int64_t> retry_all_failed(const conninfo& to, std::string_view subscriber, instant now,
                                      const std::function<void(std::int64_t)>& progress) {
  try {
    pqxx::connection on(to.text());
    std::vector<std::int64_t> chosen;
    {
      pqxx::work look(on);
      for (const auto& row : look.exec_params(
               "select id from paymentd.subscribers where $1 in ('', name) order by id",
               std::string(subscriber)))
        chosen.push_back(row[0].as<std::int64_t>());
    }
    if (chosen.empty() && !subscriber.empty())
      return std::unexpected(
          error{error_kind::broken, "no subscriber is called " + std::string(subscriber)});
    std::int64_t count = 0;
    for (const std::int64_t each : chosen)
      for (std::int64_t behind = 0;;) {
        pqxx::work step(on);
        const auto row = step.exec_params1(retry_some, each, behind, retried_at_once_max,
                                           now.time_since_epoch().count());
        step.commit();
        const auto some = row[0].as<std::int64_t>();
        if (some == 0)
          break;
        behind = row[1].as<std::int64_t>();
        progress(count += some);
      }
    return count;
  } catch (const std::exception&) {
    return std::unexpected(current_error(to, "retry"));
  }
}

} // namespace paymentd::db::postgres
