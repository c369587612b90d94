// The embedded database as one process sees it: a file, its lock and the connections to it. Made by
// open_database; any thread.
#pragma once

#include "db/store.hpp"

namespace paymentd::db::sqlite {

/// Opens the database at `path`, which need not exist yet. Takes no lock: that is done by whatever
/// writes first, so that an audit can look at a database that another process serves.
result<std::unique_ptr<database>> open(const std::string& path, const database_options& options);

} // namespace paymentd::db::sqlite
