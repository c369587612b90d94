// Fills an empty database in bulk, for trying out and measuring. Run by `paymentd seed`; any
// thread.
#pragma once

#include "db/sqlite/connection.hpp"
#include "db/store.hpp"

namespace paymentd::db::sqlite {

/// `broken` where the database is not empty. In bounded transactions, each of which keeps every
/// invariant; one that was interrupted leaves a smaller database, not a wrong one.
result<void> seed(connection& on, const seed_plan& plan, instant now);

} // namespace paymentd::db::sqlite
