// Retries every FAILED delivery of the embedded database, on a connection of its own that holds the
// file's lock. Used by the command line.
#pragma once

#include "db/sqlite/connection.hpp"
#include "db/store.hpp"

namespace paymentd::db::sqlite {

result<std::int64_t> retry_all_failed(connection& on, std::string_view subscriber, instant now,
                                      const std::function<void(std::int64_t)>& progress);

} // namespace paymentd::db::sqlite
