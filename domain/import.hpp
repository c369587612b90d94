// Users and orders that come from another system: the rows of an import, the ledger entries that
// they bring, and the faults that are found in them. Both stores write these entries, so what is
// right stands here. Values and pure functions; any thread.
#pragma once

#include "domain/model.hpp"

#include <string>
#include <vector>

namespace paymentd {

/// The largest file, in rows: one transaction takes it whole.
inline constexpr std::int64_t imported_rows_max = 10'000'000;

/// The reason that the ledger gives for an entry of an import.
inline constexpr std::string_view import_reason = "import";

/// A user as a file has it: without an id. The balance is what the user has now.
struct imported_user {
  std::int64_t line = 0; // of the file, where it begins
  user what;
};

/// An order as a file has it: without an id and without ledger entries.
struct imported_order {
  std::int64_t line = 0;
  order what;                 // `owner` is 0 where the user is told by the reference
  std::string user_reference; // empty: the user is told by the id
};

/// How many ledger entries it brings: a user's balance is one CHARGE.
int entries_of_import(const user& what);
/// A PAID order brings a CHARGE of what it cost, and its PAYMENT: both together leave the balance
/// as it is. A refund is in that balance already, so its REFUND is followed by a WITHDRAWAL of as
/// much. An order of 0 won has its PAYMENT alone. Four at the most.
int entries_of_import(const order& what);

/// Names in the order the entries that it brings, of which `first` is the first.
void name_imported_entries(order& what, entry_id first);

/// Appends the entries of an order that name_imported_entries has seen. `balance` is what its user
/// has, `sequence` that of the user's newest entry. Precondition: the balance and the final amount
/// add up to won_max at the most.
void append_imported_entries(const order& what, won balance, std::int64_t sequence, entry_id first,
                             instant at, std::vector<ledger_entry>& into);

/// The time of the entry behind `index` others of an import that brings `entries` of them and began
/// at `began`: the moments just before that, one millisecond for so many. Lists go by time, and
/// millions of entries of one millisecond would be a page's work each time.
inline constexpr std::int64_t imported_entries_per_ms = 512;
instant imported_entry_time(std::int64_t index, std::int64_t entries, instant began);

/// Something in a file that cannot be imported.
struct import_fault {
  std::int64_t line = 0;
  std::string column; // empty: the line as a whole
  std::string message;
  friend bool operator==(const import_fault&, const import_fault&) = default;
};

/// All faults of a file: the first ones, and how many there are.
struct import_faults {
  static constexpr std::size_t told_max = 20;
  std::vector<import_fault> told;
  std::int64_t count = 0;

  bool none() const { return count == 0; }
  void add(std::int64_t line, std::string column, std::string message);
};

} // namespace paymentd
