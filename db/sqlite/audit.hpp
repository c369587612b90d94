// Checks the invariants of docs/design.md on a database that may be in use. Run by `paymentd audit`
// on a connection that only reads; any thread.
#pragma once

#include "db/sqlite/connection.hpp"

#include <functional>

namespace paymentd::db::sqlite {

/// Calls `breach` with one line for each breach and gives how many there were. A user, an order and
/// a ledger entry are each judged within one snapshot, and all of them in many short ones, since a
/// long one would keep the write-ahead log of a busy server from starting anew.
result<std::int64_t> audit(connection& on, const std::function<void(std::string_view)>& breach);

} // namespace paymentd::db::sqlite
