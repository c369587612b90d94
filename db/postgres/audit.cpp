// The PostgreSQL store's reads for the audit (db/audit.hpp): one read-only transaction on one
// snapshot, so that a live database can be judged while it is used.
#include "db/audit.hpp"

#include "db/noted_audit.hpp"
#include "db/postgres/administration.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace paymentd::db::postgres {
namespace {

// Whole tables are read: hours may be fine, and what the role or the URL limits otherwise is not.
constexpr const char* prepare_audit =
    "set local search_path = paymentd; set local statement_timeout = 0; "
    "set local idle_in_transaction_session_timeout = 0; set local work_mem = '64MB'; "
    "set local cursor_tuple_fraction = 1; " // all rows are read, so plan for all
    // Tables that were never analyzed look large, and compiling the queries then takes seconds,
    // each.
    "set local jit = off";

// A note that a crash takes can be made again: its commit waits for no disk and no standby.
constexpr const char* prepare_note =
    "set local search_path = paymentd; set local lock_timeout = '5s'; "
    "set local statement_timeout = '5s'; set local synchronous_commit = off";

// Locks the row, until the commit at once.
constexpr const char* put_audit = R"sql(
insert into audits (name, began_at, took_ms, entries, orders, breaches, first_breaches, version)
values ($1, to_timestamp($2 / 1000.0), $3, $4, $5, $6, $7, $8)
on conflict (name) do update set began_at = excluded.began_at, took_ms = excluded.took_ms,
  entries = excluded.entries, orders = excluded.orders, breaches = excluded.breaches,
  first_breaches = excluded.first_breaches, version = excluded.version)sql";

using snapshot_transaction = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

/// By a cursor, so that a large table does not fill the memory.
class fetched_rows final : public audit_rows {
 public:
  fetched_rows(snapshot_transaction& in, const std::string& sql, std::int64_t number)
      : in_(in), cursor_("audit" + std::to_string(number)) {
    in_.exec("declare " + cursor_ + " no scroll cursor for " + sql);
  }

  bool next() override {
    if (++at_ < static_cast<int>(rows_.size()))
      return true;
    rows_ = in_.exec("fetch 5000 from " + cursor_);
    at_ = 0;
    if (!rows_.empty())
      return true;
    in_.exec("close " + cursor_);
    return false;
  }
  bool is_null(int column) const override { return field(column).is_null(); }
  std::int64_t integer(int column) const override {
    const std::string_view digits = text(column);
    std::int64_t number = digits == "t" ? 1 : 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
  }
  std::string_view text(int column) const override { return field(column).c_str(); }

 private:
  pqxx::field field(int column) const { return rows_.at(at_).at(column); }

  snapshot_transaction& in_;
  const std::string cursor_;
  pqxx::result rows_;
  int at_ = -1;
};

// Leases and blocks of ids, which the embedded store does not have. A day of difference between
// clocks is no breach.
constexpr std::array own{
    // Else lists by time would give an entry twice.
    "select format('the time of ledger entry %s is noted twice', id) "
    "from (select id, batch_last, max(batch_last) over (order by id rows between unbounded "
    "preceding and 1 preceding) as before from ledger_entries) noted "
    "where batch_last is not null and before >= id",
    "select format('stream %s: its lease ends in the future', id) from streams "
    "where lease_until > clock_timestamp() + interval '1 day'",
    "select format('process %s: its lease ends in the future', owner) from processes "
    "where lease_until > clock_timestamp() + interval '1 day'",
    "select format('the next id of %s is not stored', k.kind) "
    "from (values ('users'), ('orders')) k (kind) "
    "where not exists (select from id_blocks i where i.kind = k.kind)",
    "select format('the next id of %s is %s, but %s is in use', i.kind, i.next, t.newest) "
    "from id_blocks i join (select 'users' as kind, max(id) as newest from users union all "
    "select 'orders', max(id) from orders) t on t.kind = i.kind where t.newest >= i.next",
};

class source final : public audit_source {
 public:
  explicit source(snapshot_transaction& in) : in_(in) {}

  void begin_snapshot() override {} // all is one
  std::int64_t rows_per_snapshot() const override {
    return std::numeric_limits<std::int64_t>::max();
  }

  std::unique_ptr<audit_rows> query(const char* sql,
                                    std::span<const std::int64_t> parameters) override {
    // DECLARE takes no parameters. They are numbers.
    std::string text = sql;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const std::string name = "$" + std::to_string(i + 1);
      for (auto at = text.find(name); at != std::string::npos; at = text.find(name))
        text.replace(at, name.size(), "(" + std::to_string(parameters[i]) + ")::bigint");
    }
    return std::make_unique<fetched_rows>(in_, text, ++cursors_);
  }

  const char* retries_of() const override {
    return "select r.entry, c.id, c.stream_id, e.id from claims c "
           "cross join lateral unnest(c.retries) as r (entry) "
           "left join ledger_entries e on e.id = r.entry where c.subscriber_id = $1";
  }
  const char* results_from_the_future() const override {
    return "select b.name from result_marks m join subscribers b on b.id = m.subscriber_id "
           "where m.read_until > clock_timestamp() + interval '1 hour'";
  }
  const char* entries_listed_by_time() const override {
    // In one pass: the first entry of the batch is the last one before that has batch_last.
    return "select id, batch_last is not null or coalesce(head[2] = at and head[3] >= id, false) "
           "from (select id, at, batch_last, max(case when batch_last is not null then "
           "array[id, at, batch_last] end) over (order by id) as head "
           "from (select id, batch_last, (extract(epoch from created_at) * 1000000)::bigint as at "
           "from ledger_entries) each_entry) with_head where id > $1 order by id limit $2";
  }
  const char* tries_of_deliveries() const override {
    return "select entry_id, case when tries is null then 0 when jsonb_typeof(tries) <> 'array' "
           "then -1 else jsonb_array_length(tries) end "
           "from deliveries where subscriber_id = $3 and entry_id > $1 order by entry_id limit $2";
  }
  const char* claims_with_wrong_tries() const override {
    return "select id from claims where tries is not null and case jsonb_typeof(tries) "
           "when 'array' then jsonb_array_length(tries) > $1 else true end";
  }
  std::span<const char* const> own_rules() const override { return own; }

 private:
  snapshot_transaction& in_;
  std::int64_t cursors_ = 0;
};

} // namespace

result<audit_result> audit(const conninfo& to,
                           const std::function<void(std::string_view)>& breach) {
  try {
    pqxx::connection on(to.text());
    snapshot_transaction in(on);
    in.exec(prepare_audit);
    source from(in);
    return db::audit(from, breach);
  } catch (const std::exception&) {
    return std::unexpected(current_error(to, "audit"));
  }
}

result<void> note_audit(const conninfo& to, const audit_result& what) {
  try {
    pqxx::connection on(to.text());
    pqxx::work step(on);
    step.exec(prepare_note);
    for (const std::string_view name : names_of(what))
      step.exec_params(put_audit, std::string(name), what.began_at.time_since_epoch().count(),
                       what.took.count(), what.entries, what.orders, what.breaches,
                       to_lines(what.first_breaches), what.version);
    step.commit();
    return {};
  } catch (const std::exception&) {
    return std::unexpected(current_error(to, "note the audit"));
  }
}

} // namespace paymentd::db::postgres
