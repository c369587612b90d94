// Reads what a batch names, lets `decide` rule, writes what changed: the hot path of the embedded
// store. Runs inside the caller's write transaction, on the lane's connection; reading alone, on
// any.
#pragma once

#include "db/sqlite/connection.hpp"
#include "db/sqlite/kept_keys.hpp"
#include "db/store.hpp"
#include "domain/decide.hpp"
#include "domain/recent_keys.hpp"

#include <span>

namespace paymentd::db::sqlite {

/// Orders and users by id. Of several it gives those that are there, in the order of the ids.
class reading {
 public:
  explicit reading(connection& on);
  std::optional<order> find(order_id id);
  std::vector<order> find(std::span<const order_id> ids);
  std::optional<user> find(user_id id);
  /// With balance, last_sequence and phone alone.
  std::optional<user> find_balance(user_id id);
  std::vector<user> find_balances(std::span<const user_id> ids);

 private:
  void add_payment(order& to);

  given_rows& given_;
  statement get_order_, get_orders_, get_payment_;
  statement get_user_, get_balance_, get_balances_;
};

/// Adds a ledger entry to the rows for the statement add_entries.
void give(const ledger_entry& entry, given_rows& to);

class settlement {
 public:
  /// `recent` outlives this.
  settlement(connection& on, reading& reads, const recent_keys& recent);

  /// Settles `batch` with entry ids from `first` on, and gives what was decided and written.
  decision settle(std::span<const command> batch, entry_id first, instant now);

  /// Forgets at most `most` keys from before `before`; gives how many.
  std::int64_t forget_keys(instant before, std::int64_t most) { return keys_.forget(before, most); }

 private:
  snapshot load(std::span<const command> batch, entry_id first, instant now);
  std::vector<kept_success> find_kept(const std::vector<idempotency_key>& keys);
  void load_users(const named_ids& named, snapshot& into);
  void write(const decision& decided, instant now);
  void change(std::span<const order> orders);
  void update(const user& updated);
  void update(const order& updated);
  void add(const user& created);
  void add(const order& created);
  void add(std::span<const ledger_entry> entries);

  given_rows& given_;
  reading& reads_;
  const recent_keys& recent_;
  statement last_user_, last_order_;
  statement user_of_reference_, order_of_reference_;
  statement add_user_, add_order_;
  statement update_user_, update_order_;
  statement change_users_, change_orders_, change_whole_orders_;
  statement add_entries_, add_entry_times_;
  kept_keys keys_;
};

} // namespace paymentd::db::sqlite
