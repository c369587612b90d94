// The embedded store's reads for pages of deliveries (db/delivery_list.hpp). Runs inside the
// caller's read transaction, on any connection.
#pragma once

#include "db/delivery_list.hpp"
#include "db/sqlite/connection.hpp"

namespace paymentd::db::sqlite {

class delivery_reading final : public list_source {
 public:
  explicit delivery_reading(connection& on);

  result<std::vector<list_cursor>> cursors() override;
  result<std::vector<std::vector<list_row>>> look(std::span<const list_look> stretches) override;
  result<std::vector<entry_id>> entries_of(order_id id) override;

 private:
  statement cursors_, claimed_, ledger_, stored_, undelivered_, entries_of_order_;
};

} // namespace paymentd::db::sqlite
