// Chooses the store by the scheme of the URL.
#include "db/postgres/database.hpp"
#include "db/sqlite/database.hpp"

namespace paymentd::db {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

} // namespace

result<std::unique_ptr<database>> open_database(const database_options& options) {
  const std::string_view url = options.url;
  if (url.starts_with(sqlite_scheme))
    return sqlite::open(std::string(url.substr(sqlite_scheme.size())), options);
  if (url.starts_with("postgresql://") || url.starts_with("postgres://"))
    return postgres::open(options);
  // Only the scheme is shown: what follows may hold a password.
  return std::unexpected(
      error{error_kind::broken, "no database for the scheme of \"" +
                                    std::string(url.substr(0, url.find(':'))) +
                                    ":\"; it has to be sqlite:PATH or postgresql://…"});
}

} // namespace paymentd::db
