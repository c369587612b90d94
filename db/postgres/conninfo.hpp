// Where a PostgreSQL database is, as its URL says, and the limits of a session on it. Made once by
// the database; values, any thread.
#pragma once

#include "db/error.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace paymentd::db::postgres {

/// How long anything may take. All are shorter than the lease of a stream, so that a process that
/// stands still holds nobody up for longer than it takes to be replaced.
struct session_limits {
  std::chrono::milliseconds connect;     // to one address; whole seconds, at least 2 (libpq)
  std::chrono::milliseconds lock;        // for one row lock
  std::chrono::milliseconds statement;   // for one statement
  std::chrono::milliseconds idle_inside; // between two statements of a transaction
  std::chrono::milliseconds network;     // for the acknowledgement of what was sent
  std::chrono::milliseconds call;        // for one call of the store, seen from here
};
session_limits limits_for(std::chrono::milliseconds lease);

class conninfo {
 public:
  /// Parses a URL. `broken` with a line without secrets where it does not parse, or where what
  /// stands before an @ is not escaped as it should be: a part of it would be taken for a host.
  static result<conninfo> parse(const std::string& url, const session_limits& limits);

  /// For libpq: names and values, in step.
  const std::vector<std::pair<std::string, std::string>>& settings() const { return settings_; }
  /// For libpqxx: all of it in one string. Holds the password.
  std::string text() const;
  /// For the log: "paymentd at db1,db2", without secrets.
  const std::string& shown() const { return shown_; }

 private:
  std::vector<std::pair<std::string, std::string>> settings_;
  std::string shown_;
};

} // namespace paymentd::db::postgres
