// The PostgreSQL store's reads for pages of deliveries (db/delivery_list.hpp). Runs inside the
// caller's transaction, on its session.
#pragma once

#include "db/delivery_list.hpp"
#include "db/postgres/session.hpp"

namespace paymentd::db::postgres {

class delivery_reading final : public list_source {
 public:
  explicit delivery_reading(session& on) : session_(on) {}

  result<std::vector<list_cursor>> cursors() override;
  result<std::vector<std::vector<list_row>>> look(std::span<const list_look> stretches) override;
  result<std::vector<entry_id>> entries_of(order_id id) override;

 private:
  session& session_;
};

} // namespace paymentd::db::postgres
