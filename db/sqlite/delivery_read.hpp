// The embedded store's reads for pages of deliveries (db/delivery_list.hpp). Runs inside the
// caller's read transaction, on any connection.
#pragma once

#include "db/delivery_list.hpp"
#include "db/sqlite/settlement.hpp"

namespace paymentd::db::sqlite {

class delivery_reading final : public list_source {
 public:
  delivery_reading(connection& on, reading& reads);

  result<std::vector<list_place>> places() override;
  result<std::vector<std::vector<list_row>>> look(std::span<const list_look> stretches) override;
  result<std::optional<order>> find(order_id id) override { return reads_.find(id); }

 private:
  reading& reads_;
  statement places_, claimed_, ledger_, stored_, undelivered_;
};

} // namespace paymentd::db::sqlite
