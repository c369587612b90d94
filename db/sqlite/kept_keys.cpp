#include "db/sqlite/kept_keys.hpp"

#include "db/sqlite/sql.hpp"
#include "db/sqlite/upkeep_sql.hpp"
namespace paymentd::db::sqlite {

blob as_blob(const idempotency_key& key) {
  return {{reinterpret_cast<const char*>(key.digest.data()), key.digest.size()}};
}

kept_keys::kept_keys(connection& on)
    : get_(on, sql::get_kept), add_(on, sql::add_kept), forget_(on, sql::forget_keys) {}

void kept_keys::add(const idempotency_key& key, std::string_view bytes, instant now) {
  add_.run(as_blob(key), key.body, now, blob{bytes});
}

} // namespace paymentd::db::sqlite
