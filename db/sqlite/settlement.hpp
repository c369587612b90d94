// Reads what a batch names, lets `decide` rule, writes what changed: the hot path of the embedded
// store. Runs inside the caller's write transaction, on the lane's connection; reading alone, on
// any.
#pragma once

#include "db/sqlite/connection.hpp"
#include "db/store.hpp"
#include "domain/decide.hpp"

#include <span>

namespace paymentd::db::sqlite {

/// Orders and users by id.
class reading {
 public:
  explicit reading(connection& on);
  std::optional<order> find(order_id id);
  std::optional<user> find(user_id id);

 private:
  statement get_order_;
  statement get_user_;
};

class settlement {
 public:
  settlement(connection& on, reading& reads);

  /// Settles `batch` with entry ids from `first` on; one outcome a command, in order.
  std::vector<outcome> settle(std::span<const command> batch, entry_id first, instant now);

 private:
  snapshot load(std::span<const command> batch, entry_id first, instant now);
  void write(const decision& decided);
  void add(const user& created);
  void add(const order& created);
  void add(const ledger_entry& entry);

  reading& reads_;
  statement last_user_;
  statement last_order_;
  statement add_user_;
  statement add_order_;
  statement change_user_;
  statement change_order_;
  statement add_entry_;
};

} // namespace paymentd::db::sqlite
