// Rows that a transaction of somebody else holds: an operator's open psql, a long migration. The
// first batch that meets one waits for it as long as lock_timeout; then it is known, and costs only
// the commands that name it.
#include "db/postgres/list_sql.hpp"
#include "db/postgres/session_sql.hpp"
#include "db/postgres/settlement_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/row_readers.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

constexpr std::chrono::milliseconds review_interval{250};

/// Those of `all` that `free`, a column of ids, lacks.
template <class Id>
std::set<Id> lacking(const rows& free, const std::vector<Id>& all) {
  std::set<Id> missing(all.begin(), all.end());
  for (const Id id : ids_in<Id>(free))
    missing.erase(id);
  return missing;
}

template <class Id>
std::vector<Id> list_of(const std::set<Id>& ids) {
  return {ids.begin(), ids.end()};
}

} // namespace

result<postgres_store::locked_rows> postgres_store::ask_locked(const std::vector<order_id>& orders,
                                                               const std::vector<user_id>& users,
                                                               const std::vector<order_id>& owned) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  const auto of_users = [&] { return parameters{}.add_ids(users).add_ids(owned); };
  session_.add(sql::begin);
  session_.add(sql::read_orders, parameters{}.add_ids(orders));
  session_.add(sql::users_and_owners, of_users());
  for (int look = 0; look < 2; ++look) {
    if (look > 0)
      session_.add(sql::pause);
    session_.add(sql::free_orders, parameters{}.add_ids(orders));
    session_.add(sql::free_users, of_users());
  }
  const auto answers = session_.run("look for locked rows");
  if (!answers)
    return std::unexpected(answers.error());
  locked_rows found;
  found.orders = lacking((*answers)[6], ids_in<order_id>((*answers)[1], order_id_column));
  found.users = lacking((*answers)[7], ids_in<user_id>((*answers)[2]));
  if (!found.users.empty() && !owned.empty()) {
    session_.add(sql::orders_of, parameters{}.add_ids(owned).add_ids(list_of(found.users)));
    const auto theirs = session_.run("look for locked rows");
    if (!theirs)
      return std::unexpected(theirs.error());
    for (const order_id each : ids_in<order_id>(theirs->front()))
      found.of_users.insert(each);
  }
  session_.roll_back();
  return found;
}

bool postgres_store::find_locked(std::span<const command> batch) {
  const named_ids named = ids_named_by(batch);
  auto found = ask_locked(named.orders, named.users, owned_in(batch));
  if (!found || found->empty())
    return false;
  locked_.orders.merge(found->orders);
  locked_.users.merge(found->users);
  locked_.of_users.merge(found->of_users);
  locked_asked_ = std::chrono::steady_clock::now();
  return true;
}

void postgres_store::review_locked() {
  const auto now = std::chrono::steady_clock::now();
  if (now - locked_asked_ < review_interval)
    return;
  locked_asked_ = now;
  // A row that cannot be asked about stays as it is: the next batch meets the reason itself.
  if (auto found =
          ask_locked(list_of(locked_.orders), list_of(locked_.users), list_of(locked_.of_users)))
    locked_ = *std::move(found);
}

bool postgres_store::names_locked(const command& what) const {
  struct asks {
    const locked_rows& locked;
    bool operator()(const create_user&) const { return false; }
    bool operator()(const note_request&) const { return false; }
    bool operator()(const charge& one) const { return locked.users.contains(one.user); }
    bool operator()(const withdraw& one) const { return locked.users.contains(one.user); }
    bool operator()(const update_user& one) const { return locked.users.contains(one.user); }
    bool operator()(const create_order& one) const { return locked.users.contains(one.user); }
    bool operator()(const pay& one) const {
      return locked.users.contains(one.user) || locked.orders.contains(one.order);
    }
    bool operator()(const cancel& one) const { return of(one.order); }
    bool operator()(const update_order& one) const { return of(one.order); }
    bool operator()(const refund& one) const { return of(one.order); }
    bool of(order_id order) const {
      return locked.orders.contains(order) || locked.of_users.contains(order);
    }
  };
  return std::visit(asks{locked_}, what.what);
}

} // namespace paymentd::db::postgres
