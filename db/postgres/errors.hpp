// The meaning of a failure of PostgreSQL to the store's caller. Used by all of db/postgres; any
// thread.
#pragma once

#include "db/error.hpp"
#include "db/postgres/connection.hpp"

#include <string_view>

namespace paymentd::db::postgres {

/// Whether trying again may help: by the classes of SQLSTATE (PostgreSQL's manual, appendix A).
bool passes_by_itself(std::string_view sqlstate) noexcept;

/// Whether a row was locked elsewhere for too long. (A deadlock passes by itself.)
bool is_contention(std::string_view sqlstate) noexcept;

/// Whether a unique index refused a row.
bool is_duplicate(std::string_view sqlstate) noexcept;

/// Whether a row was not where a batch had read it (change_orders of settlement_sql.hpp).
bool is_moved(std::string_view sqlstate) noexcept;

/// Whether an error will stay as long as the connection does: then it is closed.
bool belongs_to_connection(std::string_view sqlstate) noexcept;

/// The error of a failure before the commit was sent: nothing happened.
error to_error(const failure& what, std::string_view doing);

/// The error of a failed connect.
error to_connect_error(const failure& what, const conninfo& to);

} // namespace paymentd::db::postgres
