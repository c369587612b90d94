// Work that a database needs now and then, beside the payments.
#include "db/noted_audit.hpp"
#include "db/postgres/store.hpp"
#include "db/postgres/upkeep_sql.hpp"

namespace paymentd::db::postgres {

result<std::int64_t> postgres_store::forget_keys(instant before) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  session_.add(sql::forget_keys, parameters{}.add(before, forgotten_at_once));
  const auto forgotten = session_.run_to_commit("forget keys");
  if (!forgotten)
    return std::unexpected(repeatable(forgotten.error()));
  return forgotten->front().changed();
}

result<delivery_backlog> postgres_store::measure_backlog(std::string_view subscriber,
                                                         std::int64_t looked_at_max) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  session_.add(sql::measure_backlog, parameters{}.add(subscriber, looked_at_max));
  const auto answers = session_.run("measure a backlog");
  if (!answers)
    return std::unexpected(answers.error());
  const auto& row = answers->front()[0];
  return delivery_backlog{.messages = row.integer(0), .oldest = row.optional_time(1)};
}

result<answer> postgres_store::read_audits() {
  session_.add(sql::get_audits);
  const auto answers = session_.run("read the results of audits");
  if (!answers)
    return std::unexpected(answers.error());
  noted_audits found;
  for (const row_view row : answers->front())
    read_audit(row, found);
  return answer{std::move(found)};
}

} // namespace paymentd::db::postgres
