// Pages of users, orders and ledger entries, within the caller's snapshot.
#include "db/list_page.hpp"
#include "db/postgres/list_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/row_readers.hpp"

#include <array>

namespace paymentd::db::postgres {
namespace {

template <class Asked>
parameters by_time(const Asked& asked) {
  const time_bounds in = bounds_of(asked);
  return parameters{}.add(in.from, in.at, in.number, std::int64_t{rows_for(asked)});
}

parameters below(const auto& of, const auto& asked) {
  return parameters{}.add(of, asked.below.number, std::int64_t{rows_for(asked)});
}

} // namespace

/// The rows of the statement that was added, as a page: that of a user or of an order, or of all.
/// not_found where it is empty since the one that is named is not there.
template <class Thing, class Asked>
result<answer> postgres_store::run_page(const Asked& asked, Thing (*read_row)(const row_view&),
                                        std::optional<user_id> user,
                                        std::optional<order_id> order) {
  const auto rows_found = session_.run("list");
  if (!rows_found)
    return std::unexpected(rows_found.error());
  auto page = make_page(all_of(rows_found->front(), read_row), asked);
  if (!page.items.empty() || (!user && !order))
    return answer{std::move(page)};
  if (user)
    session_.add(sql::read_users, parameters{}.add_ids(std::array{*user}));
  else
    session_.add(sql::read_orders, parameters{}.add_ids(std::array{*order}));
  const auto named = session_.run("list");
  if (!named)
    return std::unexpected(named.error());
  return named->front().empty() ? answer{not_found{}} : answer{std::move(page)};
}

result<answer> postgres_store::page(const list_users& asked) {
  if (!asked.reference.empty())
    session_.add(sql::list_users_of_reference, below(std::string_view(asked.reference), asked));
  else if (!asked.phone.empty())
    session_.add(sql::list_users_of_phone, below(std::string_view(asked.phone), asked));
  else
    session_.add(sql::list_users,
                 parameters{}.add(asked.below.number, std::int64_t{rows_for(asked)}));
  return run_page<user>(asked, read_user<row_view>);
}

result<answer> postgres_store::page(const list_orders& asked) {
  if (!asked.reference.empty())
    session_.add(sql::list_orders_of_reference, below(std::string_view(asked.reference), asked));
  else if (asked.user)
    session_.add(sql::list_orders_of_user, below(*asked.user, asked));
  else
    session_.add(sql::list_orders_by_time, by_time(asked));
  return run_page<order>(asked, read_order<row_view>, asked.user);
}

result<answer> postgres_store::page(const list_entries& asked) {
  if (asked.user)
    session_.add(sql::list_entries_of_user, below(*asked.user, asked));
  else if (asked.order)
    session_.add(sql::list_entries_of_order, below(*asked.order, asked));
  else
    session_.add(sql::list_entries_by_time, by_time(asked));
  return run_page<ledger_entry>(asked, read_entry<row_view>, asked.user, asked.order);
}

} // namespace paymentd::db::postgres
