// One connection to a PostgreSQL server through libpq, used in pipeline mode: statements are queued
// and sent together, and one round trip brings all their answers. Used by the stores of
// db/postgres, one thread at a time. No call waits longer than its deadline, whatever becomes of
// the server: a wait that ends without an answer closes the connection.
//
// libpq rather than libpqxx, whose version 6 neither pipelines nor takes binary parameters nor
// bounds a wait. On one connection with batches of 128, the same work through libpqxx (text arrays,
// a round trip a statement) settled 20,000 payments/s at 3.3 us of our own processor time, this way
// 28,000 at 2.0 us. Code off the hot path (migrations, audit) uses libpqxx.
#pragma once

#include "db/postgres/conninfo.hpp"
#include "db/postgres/parameters.hpp"
#include "db/postgres/statement.hpp"

#include <libpq-fe.h>

#include <array>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::db::postgres {

/// One row of an answer, in binary format, with the calls of a row of the embedded store
/// (db/row_readers.hpp). Valid as long as the `rows` that it is of.
class row_view {
 public:
  row_view(const PGresult* of, int at) noexcept : result_(of), at_(at) {}

  int width() const noexcept { return PQnfields(result_); }
  bool is_null(int column) const noexcept { return PQgetisnull(result_, at_, column) != 0; }
  // Numbers, times and addresses throw where the value is null or of another width: then the
  // statement and what reads it do not belong together, or the schema is not ours.
  std::int64_t integer(int column) const {
    std::uint64_t raw = 0;
    std::memcpy(&raw, value(column, sizeof raw), sizeof raw);
    return static_cast<std::int64_t>(__builtin_bswap64(raw));
  }
  std::int16_t small_integer(int column) const {
    std::uint16_t raw = 0;
    std::memcpy(&raw, value(column, sizeof raw), sizeof raw);
    return static_cast<std::int16_t>(__builtin_bswap16(raw));
  }
  bool boolean(int column) const { return *value(column, 1) != 0; }
  instant time(int column) const { return from_server_time(integer(column)); }
  std::optional<instant> optional_time(int column) const {
    return is_null(column) ? std::nullopt : std::optional(time(column));
  }
  /// Empty where it is null.
  std::string_view text(int column) const noexcept {
    return {PQgetvalue(result_, at_, column),
            static_cast<std::size_t>(PQgetlength(result_, at_, column))};
  }
  template <class Id>
  std::optional<Id> optional_id(int column) const {
    if (is_null(column))
      return std::nullopt;
    return Id{integer(column)};
  }
  row_address address(int column) const { return {bytes<6, char>(column)}; }
  row_version version(int column) const { return {bytes<4, char>(column)}; }
  /// A uuid's bytes.
  std::array<std::uint8_t, 16> digest(int column) const { return bytes<16, std::uint8_t>(column); }
  /// The numbers of a bigint array.
  std::vector<std::int64_t> integers(int column) const;

 private:
  // On the hot path of every row: the length of a null is 0, so one look tells both.
  const char* value(int column, std::size_t width) const {
    if (static_cast<std::size_t>(PQgetlength(result_, at_, column)) != width)
      throw_misfit(at_, column, width);
    return PQgetvalue(result_, at_, column);
  }
  template <std::size_t Width, class Byte>
  std::array<Byte, Width> bytes(int column) const {
    std::array<Byte, Width> raw{};
    std::memcpy(raw.data(), value(column, Width), Width);
    return raw;
  }
  [[noreturn]] static void throw_misfit(int row, int column, std::size_t width);

  const PGresult* result_;
  int at_;
};

/// The answer to one statement.
class rows {
 public:
  explicit rows(PGresult* owned) noexcept : result_(owned) {}

  int size() const noexcept { return PQntuples(result_.get()); }
  bool empty() const noexcept { return size() == 0; }
  row_view operator[](int at) const noexcept { return {result_.get(), at}; }

  class iterator {
   public:
    iterator(const PGresult* of, int at) noexcept : result_(of), at_(at) {}
    row_view operator*() const noexcept { return {result_, at_}; }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    bool operator==(const iterator&) const = default;

   private:
    const PGresult* result_;
    int at_;
  };
  iterator begin() const noexcept { return {result_.get(), 0}; }
  iterator end() const noexcept { return {result_.get(), size()}; }

  /// The server's word for what was done: "COMMIT", "ROLLBACK", "UPDATE 3".
  std::string_view tag() const noexcept { return PQcmdStatus(result_.get()); }
  /// How many rows the statement changed.
  std::int64_t changed() const noexcept;

 private:
  struct clear {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
  };
  std::unique_ptr<PGresult, clear> result_;
};

/// The thing that `read` makes of each row.
template <class Read>
auto all_of(const rows& from, Read read) {
  std::vector<decltype(read(from[0]))> all;
  all.reserve(static_cast<std::size_t>(from.size()));
  for (const row_view each : from)
    all.push_back(read(each));
  return all;
}

/// A column of ids.
template <class Id>
std::vector<Id> ids_in(const rows& from, int column = 0) {
  return all_of(from, [column](const row_view& row) { return Id{row.integer(column)}; });
}

/// Why a round trip failed.
struct failure {
  std::array<char, 5> sqlstate{'0', '0', '0', '0', '0'}; // "00000" where the server gave none
  std::string text;                                      // one line
  bool lost = false;                                     // the connection is gone
  bool late = false;                                     // since there was no answer in time
  std::size_t at = 0; // the statement that failed, by its number in the round trip
};

class connection {
 public:
  /// Connects and sets the session's limits. Bounded by `limits`.
  static std::expected<connection, failure> open(const conninfo& to, const session_limits& limits);

  /// Queues a statement for the next round trip.
  void add(const statement& what, const parameters& with = {});

  /// Sends what was queued and gives the answers, one a statement in their order. On a failure what
  /// stands behind the failed statement was not executed. Statements outside of begin and commit
  /// are one transaction together.
  std::expected<std::vector<rows>, failure> run(steady_instant deadline);

  bool alive() const noexcept;
  /// Whether the last round trip left a transaction open, and perhaps failed.
  bool in_transaction() const noexcept { return in_transaction_; }
  /// Whether the server gave up waiting for a standby during the last round trip: what was
  /// committed stands here, but perhaps not there.
  bool standby_given_up() const noexcept { return *standby_given_up_; }
  /// The timeline of the server's log: another one after each failover.
  std::int64_t timeline() const noexcept { return timeline_; }

 private:
  connection() = default;
  std::expected<void, failure> set_limits(const session_limits& limits);
  bool wait(short events, steady_instant deadline);
  bool send_all(steady_instant deadline);
  /// The next result of the pipeline, or null at the end of a statement's results.
  std::expected<PGresult*, failure> next_result(steady_instant deadline);
  std::expected<void, failure> collect(std::vector<rows>& answers, steady_instant deadline);
  std::expected<void, failure> await_sync(steady_instant deadline);
  failure lost(std::string text);
  failure late();

  struct finish {
    void operator()(PGconn* handle) const noexcept { PQfinish(handle); }
  };
  struct queued {
    const char* name;
    bool prepare; // whether it stands for the preparation of the statement
  };
  std::unique_ptr<PGconn, finish> handle_;
  std::unique_ptr<bool> standby_given_up_; // on the heap: libpq keeps a pointer to it
  std::set<std::string_view> prepared_;
  std::vector<queued> queue_;
  bool queue_failed_ = false; // libpq refused to queue: out of memory or not connected
  bool in_transaction_ = false;
  std::int64_t timeline_ = 0;
};

} // namespace paymentd::db::postgres
