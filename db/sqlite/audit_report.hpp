// What the parts of the audit share: reporting breaches, and going through a table in short
// snapshots. Used by audit.cpp and audit_delivery.cpp.
#pragma once

#include "db/sqlite/connection.hpp"

#include <functional>
#include <limits>

namespace paymentd::db::sqlite {

class audit_report {
 public:
  explicit audit_report(const std::function<void(std::string_view)>& breach) : breach_(breach) {}

  /// One line, made of texts and numbers.
  template <class... Parts>
  void say(const Parts&... parts) {
    std::string line;
    (line.append(text_of(parts)), ...);
    breach_(line);
    ++count_;
  }
  std::int64_t count() const noexcept { return count_; }

 private:
  static std::string_view text_of(std::string_view text) { return text; }
  static std::string text_of(std::int64_t number) { return std::to_string(number); }

  const std::function<void(std::string_view)>& breach_;
  std::int64_t count_ = 0;
};

/// So many rows of a table are looked at within one snapshot: some milliseconds.
inline constexpr std::int64_t rows_per_snapshot = 5000;

inline constexpr std::int64_t before_all = std::numeric_limits<std::int64_t>::min();

/// Calls `look(after)` with a snapshot for each until it gives nothing: `look` judges the rows
/// behind `after` and gives the last one it saw, if there may be more behind it.
template <class Look>
void in_snapshots(transactions& with, Look look) {
  std::optional<std::int64_t> after = before_all;
  while (after) {
    transaction snapshot(with, transaction::kind::read);
    after = look(*after);
  }
}

/// The third invariant: each event is, for each subscriber, in exactly one state.
void audit_delivery(connection& on, transactions& with, audit_report& report);

/// Values in the small tables that would do harm.
void audit_values(connection& on, transactions& with, audit_report& report, instant now);

} // namespace paymentd::db::sqlite
