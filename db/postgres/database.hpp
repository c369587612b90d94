// A PostgreSQL database as one process sees it: its address, and the stores that connect to it.
// Made by open_database; any thread.
#pragma once

#include "db/examination.hpp"
#include "db/store.hpp"

namespace paymentd::db::postgres {

/// See db/store.hpp.
result<void> check_url(const std::string& url);

/// Opens the database that the URL of `options` names. Does not connect: a server that is not there
/// yet is no error.
result<std::unique_ptr<database>> open(const database_options& options);

/// See db/examination.hpp.
std::vector<finding> examine(const examination& what);

} // namespace paymentd::db::postgres
