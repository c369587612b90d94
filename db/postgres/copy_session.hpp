// A plain session for work in bulk: statements one after the other, and COPY, through libpq, since
// libpqxx's stream_to can neither COPY … FREEZE nor be used beside a cursor. For seed and import;
// one thread. A connection of its own, closed at the end, which rolls back what is open.
#pragma once

#include "db/error.hpp"
#include "db/postgres/conninfo.hpp"
#include "domain/types.hpp"

#include <libpq-fe.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::db::postgres {

/// The answer to one statement, in text.
class text_rows {
 public:
  explicit text_rows(PGresult* owned) noexcept : result_(owned) {}
  int size() const noexcept { return PQntuples(result_.get()); }
  bool is_null(int row, int column) const noexcept {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  std::string_view text(int row, int column) const noexcept {
    return PQgetvalue(result_.get(), row, column);
  }
  std::int64_t integer(int row, int column) const; // a null is 0
  bool boolean(int row, int column) const noexcept { return text(row, column) == "t"; }
  /// How many rows an insert, update or delete changed.
  std::int64_t changed() const;
  const PGresult* raw() const noexcept { return result_.get(); }

 private:
  struct clear {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
  };
  std::unique_ptr<PGresult, clear> result_;
};

class copy_session {
 public:
  /// `doing`, a verb, tells in an error what failed.
  static result<copy_session> open(const conninfo& to, const char* doing);

  /// Executes a statement with numbers for $1, $2 and so on; several statements in one text only
  /// without.
  result<text_rows> exec(const char* sql, std::initializer_list<std::int64_t> values = {});
  /// The same with texts.
  result<text_rows> exec_texts(const char* sql, std::initializer_list<std::string_view> values);

  /// Copies the lines that `more` appends to the buffer, each time one or more; false where it has
  /// no more. An exception of it goes through, and the session is of no use then.
  result<void> copy(const char* sql, const std::function<bool(std::string&)>& more);

  /// Whether a unique index refused a row of the last statement that failed.
  bool duplicate() const noexcept { return duplicate_; }

 private:
  struct close {
    void operator()(PGconn* on) const noexcept { PQfinish(on); }
  };
  copy_session(std::unique_ptr<PGconn, close> on, const char* doing)
      : on_(std::move(on)), doing_(doing) {}
  result<text_rows> exec_with(const char* sql, const std::vector<std::string>& values);
  result<text_rows> judge(PGresult* owned);
  error current(const PGresult* of);

  std::unique_ptr<PGconn, close> on_;
  const char* doing_;
  bool duplicate_ = false;
};

// ---- the text that COPY reads: fields with tabs between them, and a line end --------------------

void put(std::string& to, std::int64_t number, char after = '\t');
void put_null(std::string& to, char after = '\t');
void put(std::string& to, std::optional<std::int64_t> number, char after = '\t');
/// An empty text is null.
void put_text(std::string& to, std::string_view text, char after = '\t');
void put(std::string& to, instant at, char after = '\t');

} // namespace paymentd::db::postgres
