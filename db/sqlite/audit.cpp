// The embedded store's reads for the audit (db/audit.hpp).
#include "db/audit.hpp"
#include "db/noted_audit.hpp"
#include "db/sqlite/administration.hpp"

#include <optional>

namespace paymentd::db::sqlite {
namespace {

constexpr const char* own[] = {
    // Else lists by time would give an entry twice, or one of another time.
    "select 'the time of ledger entry ' || first_entry || ' is noted twice' "
    "from (select first_entry, max(last_entry) over (order by first_entry rows between unbounded "
    "preceding and 1 preceding) as before from entry_times) where before >= first_entry"};

constexpr const char* put_audit =
    "insert or replace into audits (name, began_at, took_ms, entries, orders, breaches, "
    "first_breaches, version) values (?, ?, ?, ?, ?, ?, ?, ?)";

class found_rows final : public audit_rows {
 public:
  found_rows(connection& on, const char* sql, std::span<const std::int64_t> parameters)
      : statement_(on, sql), rows_(statement_.query_numbered(parameters)) {}

  bool next() override { return rows_.next(); }
  bool is_null(int column) const override { return rows_.is_null(column); }
  std::int64_t integer(int column) const override { return rows_.integer(column); }
  std::string_view text(int column) const override { return rows_.text(column); }

 private:
  statement statement_;
  statement::rows rows_;
};

class source final : public audit_source {
 public:
  explicit source(connection& on) : on_(on), with_(on) {}

  void begin_snapshot() override {
    snapshot_.reset();
    snapshot_.emplace(with_, transaction::kind::read);
  }
  // Some milliseconds: a long snapshot would keep the write-ahead log of a busy server from
  // starting anew.
  std::int64_t rows_per_snapshot() const override { return 5000; }

  std::unique_ptr<audit_rows> query(const char* sql,
                                    std::span<const std::int64_t> parameters) override {
    return std::make_unique<found_rows>(on_, sql, parameters);
  }

  const char* retries_of() const override {
    return "select j.value, c.id, c.stream_id, e.id from claims c, json_each(c.retries) j "
           "left join ledger_entries e on e.id = j.value "
           "where c.subscriber_id = $1 and c.retries is not null";
  }
  const char* results_from_the_future() const override {
    return "select b.name from result_marks m join subscribers b on b.id = m.subscriber_id "
           "where m.read_until > unixepoch() * 1000 + 3600000";
  }
  const char* entries_listed_by_time() const override {
    return "select e.id, coalesce((select t.last_entry from entry_times t "
           "where t.created_at = e.created_at and t.first_entry <= e.id "
           "order by t.first_entry desc limit 1) >= e.id, 0) "
           "from ledger_entries e where e.id > $1 order by e.id limit $2";
  }
  const char* tries_of_deliveries() const override {
    return "select entry_id, case when tries is null then 0 when not json_valid(tries) then -1 "
           "when json_type(tries) <> 'array' then -1 else json_array_length(tries) end "
           "from deliveries where subscriber_id = $3 and entry_id > $1 order by entry_id limit $2";
  }
  const char* claims_with_wrong_tries() const override {
    return "select id from claims where tries is not null and case when not json_valid(tries) "
           "then 1 when json_type(tries) <> 'array' then 1 "
           "else json_array_length(tries) > $1 end";
  }
  std::span<const char* const> own_rules() const override { return own; }

 private:
  connection& on_;
  transactions with_;
  std::optional<transaction> snapshot_;
};

} // namespace

audit_result audit(connection& on, const std::function<void(std::string_view)>& breach) {
  source from(on);
  return db::audit(from, breach);
}

void note_audit(connection& on, const audit_result& what) {
  // The lock that writers share is held for no sync of the disk: the next commit of the server
  // syncs the log, or a power cut takes the note, which another audit can make again.
  on.exec("pragma synchronous = normal");
  on.exec("pragma busy_timeout = 5000"); // ms; as long as on PostgreSQL
  transactions with(on);
  transaction whole(with, transaction::kind::write);
  statement put(on, put_audit);
  const std::string texts = to_lines(what.first_breaches);
  for (const std::string_view name : names_of(what))
    put.run(name, what.began_at, what.took.count(), what.entries, what.orders, what.breaches,
            std::string_view(texts), std::string_view(what.version));
  whole.commit();
}

} // namespace paymentd::db::sqlite
