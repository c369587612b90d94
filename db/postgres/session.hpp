// A connection that is opened anew when it was lost, and the transactions on it: what the parts of
// the PostgreSQL store share. One thread at a time.
#pragma once

#include "db/postgres/connection.hpp"
#include "db/postgres/errors.hpp"
#include "domain/check.hpp"

#include <optional>

namespace paymentd::db::postgres {

class session {
 public:
  session(conninfo to, session_limits limits) : to_(std::move(to)), limits_(limits) {}

  /// Begins a call of the store: from here its time counts. Connects where there is no connection.
  result<void> begin_call();
  bool connected() const noexcept { return connection_ && connection_->alive(); }
  /// How many connections there have been: a new one tells of a restart or a failover in between.
  std::int64_t opened() const noexcept { return opened_; }
  connection& on() noexcept { return *connection_; }
  /// Whether the call failed since a row was locked elsewhere for too long.
  bool contended() const noexcept { return contended_; }
  /// Whether the call failed since a row with the same key was there already.
  bool duplicate() const noexcept { return duplicate_; }
  /// Whether the call failed since another transaction was first, one with the same key or one that
  /// moved a row. Decided again, it may be done.
  bool overtaken() const noexcept { return overtaken_; }
  /// Whether the call failed since the connection, which is older than the call, is of no use any
  /// more: a firewall, a restart, a failover or the server's idle_session_timeout has ended it.
  /// Work that does no harm when it is done twice may be tried once more, on a new connection.
  bool stale() const noexcept { return stale_; }

  void add(const statement& what, const parameters& with = {}) {
    check(connection_.has_value(), "a call is begun before its statements");
    connection_->add(what, with);
  }

  /// One round trip of a transaction that goes on, or of reads. Where it fails nothing happened:
  /// the transaction is rolled back.
  result<std::vector<rows>> run(std::string_view doing);

  /// One round trip at whose end a transaction commits: the one that `begin` opened, by a `commit`
  /// that is added here, or else one of what was added alone. `in_doubt` where the answer was lost.
  result<std::vector<rows>> run_to_commit(std::string_view doing);

  /// Ends an open transaction without having done anything.
  void roll_back();

 private:
  std::unexpected<error> failed(const failure& what, std::string_view doing);

  conninfo to_;
  session_limits limits_;
  std::optional<connection> connection_;
  std::int64_t opened_ = 0;
  bool opened_now_ = false; // in this call
  bool stale_ = false;
  bool contended_ = false;
  bool duplicate_ = false;
  bool overtaken_ = false;
  steady_instant deadline_;
};

/// `in_doubt` as `unavailable`: for what may be repeated without harm.
error repeatable(error what);

} // namespace paymentd::db::postgres
