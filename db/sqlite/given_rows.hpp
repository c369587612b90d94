// The rows that a statement takes all at once, as the table `given` of its connection. To begin a
// statement costs more than one of its rows: those of a payment take half the time so.
//
// `given` is a virtual table (https://www.sqlite.org/vtab.html) with the columns c1 to c12. It
// lives as long as its connection, and nothing of it is in the file. SQL reads it as any table:
//
//     insert into t (a, b) select c1, c2 from given
//     update t set b = c2 from given where a = c1
//     select … from given cross join t on t.a = c1
#pragma once

#include "db/sqlite/value.hpp"

#include <sqlite3.h>

#include <vector>

namespace paymentd::db::sqlite {

/// One for each connection; one thread at a time. Rows are added, then one statement is executed on
/// them (statement::run_on, statement::query_on), and the next row that is added is the first one
/// again.
class given_rows {
 public:
  static constexpr std::size_t columns_max = 12;

  /// Adds the table to the connection. Once this is gone, no statement may read the table.
  explicit given_rows(sqlite3* on);
  given_rows(const given_rows&) = delete;
  given_rows& operator=(const given_rows&) = delete;

  /// Adds a row by its first columns; the others are NULL. All rows have as many. Texts are not
  /// copied: they must outlive the execution.
  template <class... Values>
  void add(const Values&... values) {
    static_assert(sizeof...(Values) >= 1 && sizeof...(Values) <= columns_max);
    begin_row(sizeof...(Values));
    (cells_.emplace_back(values), ...);
  }

  /// Called once for each execution, before it. Whether there are rows that none has taken.
  bool take();

  std::size_t size() const noexcept { return width_ == 0 ? 0 : cells_.size() / width_; }
  /// Precondition: row < size() and column < columns_max.
  value at(std::size_t row, std::size_t column) const noexcept {
    return column < width_ ? cells_[row * width_ + column] : value(std::nullopt);
  }

 private:
  void begin_row(std::size_t width);

  std::vector<value> cells_; // row after row
  std::size_t width_ = 0;    // of a row, in cells
  bool taken_ = false;
};

} // namespace paymentd::db::sqlite
