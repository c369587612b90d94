// Work that a database needs now and then, beside the payments.
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

} // namespace paymentd::db::postgres
