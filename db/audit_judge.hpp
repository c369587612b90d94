// Shared by the parts of the audit: they ask for rows in snapshots, and say each breach.
// Used by audit.cpp, audit_ledger.cpp and audit_delivery.cpp; one thread.
#pragma once

#include "db/audit.hpp"

#include <limits>
#include <optional>

namespace paymentd::db {

class audit_judge {
 public:
  audit_judge(audit_source& from, const std::function<void(std::string_view)>& breach)
      : from_(from), breach_(breach) {}

 protected:
  using rows = std::unique_ptr<audit_rows>;
  static constexpr std::int64_t before_all = std::numeric_limits<std::int64_t>::min();

  /// One line, made of texts and numbers.
  template <class... Parts>
  void say(const Parts&... parts) {
    std::string line;
    (line.append(text_of(parts)), ...);
    breach_(line);
  }
  static std::string_view text_of(std::string_view text) { return text; }
  static std::string text_of(std::int64_t number) { return std::to_string(number); }

  rows ask(const char* sql, std::initializer_list<std::int64_t> parameters = {}) {
    return from_.query(sql, std::span(parameters.begin(), parameters.size()));
  }

  /// Calls `judge` with each row of `sql`, which gives at most $2 rows, by their column 0, whose
  /// column 0 is above $1; $3 is `subject`. So many rows share a snapshot, in which `begin` is
  /// called first.
  template <class Begin, class Judge>
  void each_row(const char* sql, std::int64_t subject, Begin begin, Judge judge) {
    for (std::optional<std::int64_t> after = before_all; after;) {
      from_.begin_snapshot();
      begin(*after == before_all);
      std::int64_t seen = 0;
      const auto row = ask(sql, {*after, from_.rows_per_snapshot(), subject});
      for (after.reset(); row->next(); ++seen) {
        after = row->integer(0);
        judge(*row);
      }
      if (seen < from_.rows_per_snapshot())
        after.reset();
    }
  }

  audit_source& from_;
  const std::function<void(std::string_view)>& breach_;
};

/// Users, ledger entries and orders. Counts the entries and orders that it looked at in
/// `looked_at`.
void audit_ledger(audit_source& from, const std::function<void(std::string_view)>& breach,
                  audit_result& looked_at);

/// Each subscriber with its cursors, claims and deliveries.
void audit_delivery(audit_source& from, const std::function<void(std::string_view)>& breach);

} // namespace paymentd::db
