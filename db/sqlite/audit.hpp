// The embedded store's reads for the audit (db/audit.hpp), on a connection that only reads.
#pragma once

#include "db/sqlite/connection.hpp"

#include <functional>

namespace paymentd::db::sqlite {

/// Calls `breach` with one line for each breach and gives how many there were; in many short
/// snapshots. Any thread.
std::int64_t audit(connection& on, const std::function<void(std::string_view)>& breach);

} // namespace paymentd::db::sqlite
