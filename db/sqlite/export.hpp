// Reads ledger entries for an export, beside a process that serves; any thread.
#pragma once

#include "db/sqlite/connection.hpp"
#include "db/store.hpp"

namespace paymentd::db::sqlite {

/// In short snapshots, since a long one would keep the log of a busy server from starting anew.
/// Their whole is one snapshot all the same: it ends, in each stream, where that ended when the
/// export began, and the entries before that never change.
void export_entries(connection& on, const entry_range& range, const entry_sink& to);

} // namespace paymentd::db::sqlite
