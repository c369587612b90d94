// Pages of users, orders and ledger entries, within the caller's snapshot.
#include "db/list_page.hpp"
#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"

#include <array>

namespace paymentd::db::postgres {
namespace {

ledger_entry read_entry(const rows& from, int row) {
  ledger_entry found{.id = {from.integer(row, 0)},
                     .user = {from.integer(row, 1)},
                     .sequence = from.integer(row, 2),
                     .order = from.optional_id<order_id>(row, 3),
                     .kind = static_cast<entry_kind>(from.small_integer(row, 4)),
                     .amount = {from.integer(row, 5)},
                     .balance_after = {from.integer(row, 6)},
                     .created_at = from.time(row, 7),
                     .reason = from.text(row, 8),
                     .created_by = from.text(row, 10)};
  if (found.kind == entry_kind::refund)
    found.refunded_after = {from.integer(row, 9)};
  return found;
}

template <class Asked>
parameters by_time(const Asked& asked) {
  const time_bounds in = bounds_of(asked);
  return parameters{}.add(in.from, in.at, in.number, std::int64_t{rows_for(asked)});
}

parameters below(const auto& of, const auto& asked) {
  return parameters{}.add(of, asked.below.number, std::int64_t{rows_for(asked)});
}

} // namespace

/// The rows of the statement that was added, as a page.
template <class Thing, class Asked>
result<page_of<Thing>> postgres_store::run_page(const Asked& asked,
                                                Thing (*read_row)(const rows&, int)) {
  const auto answers = session_.run("list");
  if (!answers)
    return std::unexpected(answers.error());
  std::vector<Thing> found;
  for (int row = 0; row < answers->front().size(); ++row)
    found.push_back(read_row(answers->front(), row));
  return make_page(std::move(found), asked);
}

/// The page, or not_found where it is empty and `of`, whose page it is, is not there.
template <class Thing>
result<answer> postgres_store::unless_unknown(page_of<Thing> page, std::optional<user_id> user,
                                              std::optional<order_id> order) {
  if (!page.items.empty() || (!user && !order))
    return answer{std::move(page)};
  if (user)
    session_.add(sql::read_users, parameters{}.add_ids(std::array{*user}));
  else
    session_.add(sql::read_orders, parameters{}.add_ids(std::array{*order}));
  const auto answers = session_.run("list");
  if (!answers)
    return std::unexpected(answers.error());
  return answers->front().empty() ? answer{not_found{}} : answer{std::move(page)};
}

result<answer> postgres_store::page(const list_users& asked) {
  if (!asked.reference.empty())
    session_.add(sql::list_users_of_reference, below(std::string_view(asked.reference), asked));
  else if (!asked.phone.empty())
    session_.add(sql::list_users_of_phone, below(std::string_view(asked.phone), asked));
  else
    session_.add(sql::list_users,
                 parameters{}.add(asked.below.number, std::int64_t{rows_for(asked)}));
  auto page = run_page<user>(asked, read_user);
  if (!page)
    return std::unexpected(page.error());
  return answer{*std::move(page)};
}

result<answer> postgres_store::page(const list_orders& asked) {
  if (!asked.reference.empty())
    session_.add(sql::list_orders_of_reference, below(std::string_view(asked.reference), asked));
  else if (asked.user)
    session_.add(sql::list_orders_of_user, below(*asked.user, asked));
  else
    session_.add(sql::list_orders_by_time, by_time(asked));
  auto page = run_page<order>(asked, read_order);
  if (!page)
    return std::unexpected(page.error());
  return unless_unknown(*std::move(page), asked.user, std::nullopt);
}

result<answer> postgres_store::page(const list_entries& asked) {
  if (asked.user)
    session_.add(sql::list_entries_of_user, below(*asked.user, asked));
  else if (asked.order)
    session_.add(sql::list_entries_of_order, below(*asked.order, asked));
  else
    session_.add(sql::list_entries_by_time, by_time(asked));
  auto page = run_page<ledger_entry>(asked, read_entry);
  if (!page)
    return std::unexpected(page.error());
  return unless_unknown(*std::move(page), asked.user, asked.order);
}

} // namespace paymentd::db::postgres
