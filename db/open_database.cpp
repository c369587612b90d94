// Chooses the store by the scheme of the URL.
#include "db/embedded_file.hpp"
#include "db/examination.hpp"
#include "db/postgres/database.hpp"
#include "db/sqlite/database.hpp"
#include "db/sqlite/file.hpp"

namespace paymentd::db {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

bool is_postgres(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

std::unexpected<error> unknown_scheme(std::string_view url) {
  // Only the scheme is shown: what follows may hold a password.
  return std::unexpected(
      error{error_kind::broken, "no database for the scheme of \"" +
                                    std::string(url.substr(0, url.find(':'))) +
                                    ":\"; it has to be sqlite:PATH or postgresql://…"});
}

} // namespace

result<void> check_url(const std::string& url) {
  if (is_postgres(url))
    return postgres::check_url(url);
  if (url.starts_with(sqlite_scheme))
    return {};
  return unknown_scheme(url);
}

bool is_embedded(const std::string& url) {
  return url.starts_with(sqlite_scheme);
}

result<std::int64_t> back_up(const std::string& url, const std::string& file) {
  return sqlite::back_up(url.substr(sqlite_scheme.size()), file);
}

embedded_sizes measure(const std::string& url) {
  return sqlite::measure(url.substr(sqlite_scheme.size()));
}

result<void> check_writable(const std::string& url) {
  return is_embedded(url) ? sqlite::check_writable(url.substr(sqlite_scheme.size()))
                          : result<void>{};
}

result<std::unique_ptr<database>> open_database(const database_options& options) {
  const std::string_view url = options.url;
  if (url.starts_with(sqlite_scheme))
    return sqlite::open(std::string(url.substr(sqlite_scheme.size())), options);
  if (is_postgres(url))
    return postgres::open(options);
  return unknown_scheme(url);
}

std::vector<finding> examine(const examination& what) {
  const std::string_view url = what.url;
  if (is_postgres(url))
    return postgres::examine(what);
  if (url.starts_with(sqlite_scheme))
    return sqlite::examine(std::string(url.substr(sqlite_scheme.size())), what);
  return {{unknown_scheme(url).error().text, "set database.url"}};
}

} // namespace paymentd::db
