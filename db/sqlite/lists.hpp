// Pages of users, orders and ledger entries. Runs inside the caller's read transaction, on the
// connection that only reads.
#pragma once

#include "db/sqlite/settlement.hpp"
#include "domain/query.hpp"

namespace paymentd::db::sqlite {

class listing {
 public:
  /// `reads` outlives this.
  listing(connection& on, reading& reads);

  user_page page(const list_users& asked);
  /// Nothing where the user, or the order, that is named is not there.
  std::optional<order_page> page(const list_orders& asked);
  std::optional<entry_page> page(const list_entries& asked);

 private:
  order_page rows_of(const list_orders& asked);
  entry_page rows_of(const list_entries& asked);

  reading& reads_;
  statement users_;
  statement users_of_reference_;
  statement users_of_phone_;
  statement orders_of_user_;
  statement orders_of_reference_;
  statement orders_by_time_;
  statement entries_of_user_;
  statement entries_of_order_;
  statement entries_by_time_;
};

} // namespace paymentd::db::sqlite
