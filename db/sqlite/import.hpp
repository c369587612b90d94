// Imports a file of users or of orders, in one transaction. Run by `paymentd import`, which has the
// database alone; any thread.
#pragma once

#include "db/sqlite/connection.hpp"
#include "db/store.hpp"

namespace paymentd::db::sqlite {

result<import_result> import_users(connection& on, const import_file& file, const user_source& rows,
                                   instant now);
result<import_result> import_orders(connection& on, const import_file& file,
                                    const order_source& rows, instant now);

} // namespace paymentd::db::sqlite
