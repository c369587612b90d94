// Reads what a batch names, lets `decide` rule, writes what changed: the hot path of the embedded
// store. Runs inside the caller's write transaction, on the lane's connection; reading alone, on
// any.
#pragma once

#include "db/sqlite/connection.hpp"
#include "db/store.hpp"
#include "domain/decide.hpp"
#include "domain/query.hpp"
#include "domain/recent_keys.hpp"

#include <span>

namespace paymentd::db::sqlite {

/// Orders and users by id.
class reading {
 public:
  explicit reading(connection& on);
  std::optional<order> find(order_id id);
  std::optional<user> find(user_id id);
  /// A page, or nothing where there is no such user.
  std::optional<order_page> page(const list_orders& asked);
  std::optional<entry_page> page(const list_entries& asked);

 private:
  statement get_order_;
  statement get_user_;
  statement list_orders_;
  statement list_entries_;
};

class settlement {
 public:
  /// `recent` outlives this.
  settlement(connection& on, reading& reads, const recent_keys& recent);

  /// Settles `batch` with entry ids from `first` on; one outcome a command, in order.
  std::vector<outcome> settle(std::span<const command> batch, entry_id first, instant now);

  /// Forgets at most `most` keys from before `before`; gives how many.
  std::int64_t forget_keys(instant before, std::int64_t most) {
    return forget_keys_.run(before, most);
  }

 private:
  snapshot load(std::span<const command> batch, entry_id first, instant now);
  std::vector<kept_success> find_kept(const std::vector<idempotency_key>& keys);
  void write(const decision& decided, instant now);
  void change(const order& changed);
  void add(const user& created);
  void add(const order& created);
  void add(const ledger_entry& entry);
  void add(const kept_success& kept, instant now);

  reading& reads_;
  const recent_keys& recent_;
  statement last_user_;
  statement last_order_;
  statement add_user_;
  statement add_order_;
  statement change_user_;
  statement change_order_;
  statement change_refunded_order_;
  statement change_keyed_order_;
  statement add_entry_;
  statement add_told_entry_;
  statement get_kept_;
  statement add_kept_;
  statement forget_keys_;
};

} // namespace paymentd::db::sqlite
