// The audit: judges the invariants of docs/design.md on a database that may be in use. Both stores
// read the rows, in the same order; what is right stands here, once. Run by `paymentd audit`, which
// has the result noted by a call of its own: the audit itself only reads.
#pragma once

#include "domain/audit.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::db {

/// The rows of one query, one after the other.
class audit_rows {
 public:
  virtual ~audit_rows() = default;
  virtual bool next() = 0; // false after the last one
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;  // booleans are 0 and 1; null is 0
  virtual std::string_view text(int column) const = 0; // until the next row; null is empty
};

/// A reader for the audit. Failures leave as the store's own exceptions.
class audit_source {
 public:
  virtual ~audit_source() = default;

  /// Begins a snapshot, for the queries from now on. So many rows of a table may be looked at
  /// within one: a long one may stand in a busy server's way.
  virtual void begin_snapshot() = 0;
  virtual std::int64_t rows_per_snapshot() const = 0;

  /// Every statement of audit*.cpp is one that both databases understand. Parameters are $1, $2, …;
  /// those that a statement does not name are passed by.
  virtual std::unique_ptr<audit_rows> query(const char* sql,
                                            std::span<const std::int64_t> parameters) = 0;

  // Texts that differ from store to store.
  /// Of one subscriber ($1): entry, claim, stream, the entry again or null where there is none; a
  /// row for each entry in a claim's list of retries.
  virtual const char* retries_of() const = 0;
  /// Subscribers' names whose results are read up to a time more than an hour in the future.
  virtual const char* results_from_the_future() const = 0;
  /// The next ledger entries above $1 by id, at most $2: the id, and whether lists by time find it.
  virtual const char* entries_listed_by_time() const = 0;
  /// The next deliveries of one subscriber ($3) above $1 by entry, at most $2: the entry, and how
  /// many tries are kept of it; -1 where that is no list.
  virtual const char* tries_of_deliveries() const = 0;
  /// The claims whose tries are no list of at most ten ($1): the id.
  virtual const char* claims_with_wrong_tries() const = 0;
  /// Statements that give one line for each breach of a rule that only this store has.
  virtual std::span<const char* const> own_rules() const = 0;
};

/// Calls `breach` with one line for each breach, and gives the result, without its time and
/// version. A user, an order, a ledger entry and a delivery are each judged within one snapshot.
audit_result audit(audit_source& from, const std::function<void(std::string_view)>& breach);

} // namespace paymentd::db
