#include "tests/db/fresh_database.hpp"

#include <ostream>
#include <sqlite3.h>
#include <stdexcept>

namespace paymentd::db {
void PrintTo(const store_kind& kind, std::ostream* out) {
  *out << kind.name;
}

void raw_sqlite(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* opened = nullptr;
  sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database(opened, &sqlite3_close);
  const std::string all = "pragma ignore_check_constraints = on; " + sql;
  if (sqlite3_exec(opened, all.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(opened));
}

} // namespace paymentd::db
