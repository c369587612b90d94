// The embedded store's schema, as numbered migrations that are applied once each. The file's header
// says whose it is (application_id) and how far it has come (user_version), and both change in the
// migration's own transaction. Used by the database; any thread.
#pragma once

#include "db/sqlite/connection.hpp"

namespace paymentd::db::sqlite {

/// Applies what is missing; gives how many were applied. Refuses another application's file and a
/// newer schema.
result<int> migrate(connection& on, instant now);

/// `broken` when the schema is missing, older or newer than this program's, or another's.
result<void> check_schema(connection& on);

/// Whether the schema is a later release's.
bool is_newer(connection& on);

/// `broken` when the file is another application's; an empty one is not.
result<void> check_application(connection& on);

} // namespace paymentd::db::sqlite
