// One SQLite connection with its pragmas, the statements prepared on it, and transactions that roll
// back by themselves. Used by everything in db/sqlite; one thread at a time. Failures leave as
// SQLite::Exception and are turned into db::error at the store's edge.
//
// SQLiteCpp opens the connection and carries the errors. Statements are a class of our own: those
// of SQLiteCpp copy a shared pointer for every column they read and copy every text that they bind.
#pragma once

#include "db/error.hpp"
#include "db/sqlite/given_rows.hpp"
#include "db/sqlite/value.hpp"
#include "domain/types.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::db::sqlite {

/// The commit was handed over and its answer is an error that leaves its fate open.
class commit_in_doubt : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Only `read_write` makes a file that is not there.
enum class access : std::uint8_t { read_write, write_existing, read_only };

class connection {
 public:
  connection(const std::string& path, access mode);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  sqlite3* handle() const noexcept { return database_.getHandle(); }
  void exec(const char* sql) { database_.exec(sql); }
  given_rows& given() noexcept { return given_; }

  /// Moves what the log holds into the database file once it has grown enough. Called before a
  /// write transaction begins, so that the answers of the one before are already on their way.
  void checkpoint_when_due();

  /// How large the write-ahead log is, in bytes, as this connection's commits left it.
  std::int64_t log_bytes() const noexcept { return std::int64_t{log_pages_} * page_bytes_; }
  /// Moves the whole log into the database file, waiting a little for those who read in it. Gives
  /// whether the next commit begins the log anew.
  bool start_log_anew();

 private:
  static int on_commit(void* self, sqlite3*, const char*, int log_pages) noexcept;

  SQLite::Database database_;
  given_rows given_;
  int page_bytes_ = 4096;
  int log_pages_ = 0;   // in the write-ahead log after the last commit
  int next_checkpoint_; // due when the log has so many pages
};

/// A statement prepared once, for the connection's life.
class statement {
 public:
  statement(connection& on, const char* sql);

  /// The rows of one execution; resets the statement when it goes.
  class rows {
   public:
    explicit rows(sqlite3_stmt* of) noexcept : statement_(of) {}
    rows(const rows&) = delete;
    rows& operator=(const rows&) = delete;
    ~rows() { sqlite3_reset(statement_); }

    /// Steps to the next row; false after the last one.
    bool next();

    int width() const noexcept { return sqlite3_column_count(statement_); }
    std::int64_t integer(int column) const noexcept {
      return sqlite3_column_int64(statement_, column);
    }
    std::int64_t small_integer(int column) const noexcept { return integer(column); }
    bool boolean(int column) const noexcept { return integer(column) != 0; }
    bool is_null(int column) const noexcept {
      return sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }
    /// Of a text or a blob. Valid until the next step.
    std::string_view text(int column) const noexcept;
    /// A blob of 16 bytes; throws where it has another length.
    std::array<std::uint8_t, 16> digest(int column) const;
    instant time(int column) const noexcept {
      return instant{std::chrono::milliseconds{integer(column)}};
    }
    std::optional<instant> optional_time(int column) const noexcept {
      return is_null(column) ? std::nullopt : std::optional(time(column));
    }
    template <class Id>
    std::optional<Id> optional_id(int column) const noexcept {
      if (is_null(column))
        return std::nullopt;
      return Id{integer(column)};
    }

   private:
    sqlite3_stmt* statement_;
  };

  /// Binds the values from the first parameter on. Texts are not copied: they must outlive the
  /// rows.
  template <class... Values>
  [[nodiscard]] rows query(const Values&... values) {
    int index = 0;
    (bind(++index, value(values)), ...);
    return rows{statement_.get()};
  }

  /// The same with values for the parameters named $1, $2, …; those that it does not name are
  /// passed by.
  [[nodiscard]] rows query_numbered(std::span<const std::int64_t> values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (const int index =
              sqlite3_bind_parameter_index(statement_.get(), ("$" + std::to_string(i + 1)).c_str());
          index > 0)
        bind(index, value(values[i]));
    return rows{statement_.get()};
  }

  /// Executes on the given rows, which its SQL reads as the table `given`.
  [[nodiscard]] rows query_on(given_rows& given) {
    given.take();
    return rows{statement_.get()};
  }

  /// Executes on the given rows without looking at what it gives; not at all where there are none.
  void run_on(given_rows& given) {
    if (given.take())
      run();
  }

  /// Executes without looking at rows; gives how many rows it changed.
  template <class... Values>
  int run(const Values&... values) {
    auto result = query(values...);
    while (result.next()) {
    }
    return sqlite3_changes(sqlite3_db_handle(statement_.get()));
  }

 private:
  void check(int code) const;
  void bind(int index, const value& what);

  struct finalizer {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, finalizer> statement_;
};

/// The thing that `read` makes of each row.
template <class Read>
auto all_of(statement::rows&& rows, Read read) {
  std::vector<decltype(read(rows))> all;
  while (rows.next())
    all.push_back(read(rows));
  return all;
}

/// The statements that begin and end transactions, kept prepared like all others.
class transactions {
 public:
  explicit transactions(connection& on);

 private:
  friend class transaction;
  statement begin_immediate_;
  statement begin_deferred_;
  statement commit_;
  statement rollback_;
};

/// A transaction that rolls back unless it was committed.
class transaction {
 public:
  enum class kind : std::uint8_t { write, read };
  transaction(transactions& with, kind what);
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction();

  /// Throws commit_in_doubt where the error does not tell that nothing was committed.
  void commit();

 private:
  transactions& with_;
  bool open_ = true;
};

/// The meaning of an error of SQLite to the caller, with one line for the log.
error to_error(const SQLite::Exception& thrown);

/// Whether the connection should be opened anew after this error.
bool needs_new_connection(const SQLite::Exception& thrown) noexcept;

} // namespace paymentd::db::sqlite
