#include "db/sqlite/audit.hpp"

namespace paymentd::db::sqlite {
result<std::int64_t> audit(connection&, const std::function<void(std::string_view)>&) {
  return 0;
}
} // namespace paymentd::db::sqlite
