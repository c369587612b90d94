// Pages of one user's orders and ledger entries, within the caller's snapshot.
#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"

#include <algorithm>
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
                     .reason = std::string(from.text(row, 8))};
  if (found.kind == entry_kind::refund)
    found.refunded_after = {from.integer(row, 9)};
  return found;
}

/// The page of the rows, of which there is one more than the limit where more follow.
template <class Thing>
page_of<Thing> page_from(const rows& found, int limit, Thing (*read)(const rows&, int)) {
  page_of<Thing> page;
  page.more = found.size() > limit;
  for (int row = 0; row < std::min(found.size(), limit); ++row)
    page.items.push_back(read(found, row));
  return page;
}

parameters bounds_of(const auto& asked) {
  return parameters{}.add(asked.user, asked.below, std::int64_t{asked.limit} + 1);
}

} // namespace

/// A page without items, or not_found where there is no such user.
result<answer> postgres_store::empty_page(user_id of, answer page) {
  session_.add(sql::read_users, parameters{}.add_ids(std::array{of}));
  const auto answers = session_.run("read a user");
  if (!answers)
    return std::unexpected(answers.error());
  return answers->front().empty() ? answer{not_found{}} : std::move(page);
}

result<answer> postgres_store::page(const list_orders& asked) {
  session_.add(sql::list_orders, bounds_of(asked));
  const auto answers = session_.run("list orders");
  if (!answers)
    return std::unexpected(answers.error());
  order_page page = page_from<order>(answers->front(), asked.limit, read_order);
  return page.items.empty() ? empty_page(asked.user, std::move(page)) : answer{std::move(page)};
}

result<answer> postgres_store::page(const list_entries& asked) {
  session_.add(sql::list_entries, bounds_of(asked));
  const auto answers = session_.run("list entries");
  if (!answers)
    return std::unexpected(answers.error());
  entry_page page = page_from<ledger_entry>(answers->front(), asked.limit, read_entry);
  return page.items.empty() ? empty_page(asked.user, std::move(page)) : answer{std::move(page)};
}

} // namespace paymentd::db::postgres
