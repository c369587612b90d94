// Fills an empty database in bulk, for trying out and measuring.
#include "db/sqlite/administration.hpp"
#include "db/sqlite/sql.hpp"
#include "db/sqlite/streams.hpp"
#include "db/store_rules.hpp"

#include <algorithm>

namespace paymentd::db::sqlite {
namespace {

constexpr std::int64_t rows_per_transaction = 100'000;

// A row for each number from ?1 to ?2, made by SQLite itself.
constexpr const char* add_users = R"sql(
with recursive n(i) as (select ?1 union all select i + 1 from n where i < ?2)
insert into users (id, phone, balance, last_sequence, created_at)
select i, printf('010%08d', i % 100000000), ?3, ?3 > 0, ?4 from n)sql";

constexpr const char* add_charges = R"sql(
with recursive n(i) as (select ?1 union all select i + 1 from n where i < ?2)
insert into ledger_entries (id, user_id, sequence, order_id, kind, amount, balance_after, created_at)
select ?5 + (i - ?1), i, 1, null, 0, ?3, ?3, ?4 from n)sql";

constexpr const char* add_orders = R"sql(
with recursive n(i) as (select ?1 union all select i + 1 from n where i < ?2)
insert into orders (id, user_id, coupon_id, total, discount, status, payment_entry_id,
                    refund_entry_id, created_at, updated_at)
select i, 1 + i % ?3, null, ?4, 0, 0, null, null, ?5, ?5 from n)sql";

constexpr const char* anything_there =
    "select exists(select 1 from users) or exists(select 1 from orders) "
    "or exists(select 1 from ledger_entries)";

bool is_empty(connection& on) {
  statement asks(on, anything_there);
  auto row = asks.query();
  return row.next() && row.integer(0) == 0;
}

} // namespace

result<void> seed(connection& on, const seed_plan& plan, instant now) {
  if (auto fits = check_seed(plan); !fits)
    return fits;
  if (!is_empty(on))
    return refused_seed("the database is not empty");
  transactions with(on);
  streams numbers(on);
  statement users(on, add_users);
  statement charges(on, add_charges);
  statement times(on, sql::add_entry_times);
  statement orders(on, add_orders);
  const instant no_lease{}; // whoever serves next takes the stream over

  stream_lease lease;
  {
    transaction first(with, transaction::kind::write);
    auto taken = numbers.take("seed", {now, no_lease});
    if (!taken)
      return std::unexpected(taken.error());
    lease = *taken;
    first.commit();
  }
  for (std::int64_t from = 1; from <= plan.users; from += rows_per_transaction) {
    const std::int64_t to = std::min(plan.users, from + rows_per_transaction - 1);
    on.checkpoint_when_due();
    transaction some(with, transaction::kind::write);
    users.run(from, to, plan.balance, now);
    if (plan.balance > won{}) {
      const auto taken = numbers.take_numbers(lease, to - from + 1, no_lease);
      if (!taken)
        return std::unexpected(taken.error());
      charges.run(from, to, plan.balance, now, make_entry_id(lease.stream, taken->first));
      times.run(now, make_entry_id(lease.stream, taken->first),
                make_entry_id(lease.stream, taken->end - 1));
    }
    some.commit();
  }
  const std::int64_t spread = plan.spread > 0 ? plan.spread : plan.users;
  for (std::int64_t from = 1; from <= plan.orders; from += rows_per_transaction) {
    const std::int64_t to = std::min(plan.orders, from + rows_per_transaction - 1);
    on.checkpoint_when_due();
    transaction some(with, transaction::kind::write);
    orders.run(from, to, spread, plan.amount, now);
    some.commit();
  }
  return {};
}

} // namespace paymentd::db::sqlite
