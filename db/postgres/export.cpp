// Reads ledger entries for an export: one read-only transaction on one snapshot, by a cursor, so
// that a large ledger does not fill the memory.
#include "db/postgres/administration.hpp"

#include <pqxx/pqxx>

namespace paymentd::db::postgres {
namespace {

// Whole tables are read: hours may be fine, and what the role or the URL limits otherwise is not.
constexpr const char* prepare =
    "set local search_path = paymentd; set local statement_timeout = 0; "
    "set local idle_in_transaction_session_timeout = 0; set local work_mem = '64MB'; "
    "set local cursor_tuple_fraction = 1; set local jit = off";
constexpr const char* fetch = "fetch 5000 from exported";

// DECLARE takes no parameters. They are numbers.
std::string declare(const entry_range& range) {
  const auto time = [](instant at) {
    return "to_timestamp(" + std::to_string(at.time_since_epoch().count()) + "::bigint / 1000.0)";
  };
  return "declare exported no scroll cursor for "
         "select e.id, e.user_id, e.sequence, e.order_id, e.kind, e.amount, e.balance_after, "
         "(extract(epoch from e.created_at) * 1000)::bigint, coalesce(e.reason, ''), "
         "coalesce(e.created_by, '') "
         // By the first entries of batches, each with those of its batch.
         "from ledger_entries h cross join lateral (select * from ledger_entries b "
         "where b.id >= h.id and b.id <= greatest(h.batch_last, h.id) order by b.id) e "
         "where h.batch_last is not null and h.created_at >= " +
         time(range.from) + " and h.created_at < " + time(range.to) +
         " order by h.created_at, h.id, e.id";
}

ledger_entry entry_in(const pqxx::row& row) {
  return {.id = {row[0].as<std::int64_t>()},
          .user = {row[1].as<std::int64_t>()},
          .sequence = row[2].as<std::int64_t>(),
          .order =
              row[3].is_null() ? std::nullopt : std::optional(order_id{row[3].as<std::int64_t>()}),
          .kind = static_cast<entry_kind>(row[4].as<int>()),
          .amount = {row[5].as<std::int64_t>()},
          .balance_after = {row[6].as<std::int64_t>()},
          .created_at = instant{std::chrono::milliseconds{row[7].as<std::int64_t>()}},
          .reason = row[8].c_str(),
          .refunded_after = {},
          .created_by = row[9].c_str()};
}

} // namespace

result<void> export_entries(const conninfo& to, const entry_range& range, const entry_sink& sink) {
  try {
    pqxx::connection on(to.text());
    pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> in(on);
    in.exec(prepare);
    in.exec(declare(range));
    for (pqxx::result rows = in.exec(fetch); !rows.empty(); rows = in.exec(fetch))
      for (const auto& row : rows)
        if (!sink(entry_in(row)))
          return {};
    return {};
  } catch (const std::exception&) {
    return std::unexpected(current_error(to, "export"));
  }
}

} // namespace paymentd::db::postgres
