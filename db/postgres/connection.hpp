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
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::db::postgres {

/// The answer to one statement, in binary format.
class rows {
 public:
  explicit rows(PGresult* owned) noexcept : result_(owned) {}

  int size() const noexcept { return PQntuples(result_.get()); }
  bool empty() const noexcept { return size() == 0; }
  bool is_null(int row, int column) const noexcept {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  // Numbers, times and places throw where the value is null or of another width: then the statement
  // and what reads it do not belong together, or the schema is not ours.
  std::int64_t integer(int row, int column) const {
    std::uint64_t raw = 0;
    std::memcpy(&raw, value(row, column, sizeof raw), sizeof raw);
    return static_cast<std::int64_t>(__builtin_bswap64(raw));
  }
  std::int16_t small_integer(int row, int column) const {
    std::uint16_t raw = 0;
    std::memcpy(&raw, value(row, column, sizeof raw), sizeof raw);
    return static_cast<std::int16_t>(__builtin_bswap16(raw));
  }
  bool boolean(int row, int column) const { return *value(row, column, 1) != 0; }
  instant time(int row, int column) const { return from_server_time(integer(row, column)); }
  std::string_view text(int row, int column) const noexcept {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  template <class Id>
  std::optional<Id> optional_id(int row, int column) const {
    if (is_null(row, column))
      return std::nullopt;
    return Id{integer(row, column)};
  }
  row_place place(int row, int column) const {
    row_place at{};
    std::memcpy(at.raw.data(), value(row, column, at.raw.size()), at.raw.size());
    return at;
  }
  /// A uuid's bytes.
  std::array<std::uint8_t, 16> digest(int row, int column) const {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), value(row, column, bytes.size()), bytes.size());
    return bytes;
  }
  /// The numbers of a bigint array.
  std::vector<std::int64_t> integers(int row, int column) const;
  /// The server's word for what was done: "COMMIT", "ROLLBACK", "UPDATE 3".
  std::string_view tag() const noexcept { return PQcmdStatus(result_.get()); }
  /// How many rows the statement changed.
  std::int64_t changed() const noexcept;

 private:
  // On the hot path of every row: the length of a null is 0, so one look tells both.
  const char* value(int row, int column, std::size_t width) const {
    if (static_cast<std::size_t>(PQgetlength(result_.get(), row, column)) != width)
      throw_misfit(row, column, width);
    return PQgetvalue(result_.get(), row, column);
  }
  [[noreturn]] static void throw_misfit(int row, int column, std::size_t width);

  struct clear {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
  };
  std::unique_ptr<PGresult, clear> result_;
};

/// Why a round trip failed.
struct failure {
  std::array<char, 5> sqlstate{'0', '0', '0', '0', '0'}; // "00000" where the server gave none
  std::string text;                                      // one line
  bool lost = false;                                     // the connection is gone
  bool late = false;                                     // since there was no answer in time
  std::size_t at = 0; // the statement that failed, by its place in the round trip
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
