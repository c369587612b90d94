#include "db/sqlite/lists.hpp"

#include "db/list_page.hpp"
#include "db/row_readers.hpp"
#include "db/sqlite/list_sql.hpp"

namespace paymentd::db::sqlite {
namespace {

user read(const statement::rows& row, const list_users&) {
  return read_user(row);
}
order read(const statement::rows& row, const list_orders&) {
  return read_order(row);
}
ledger_entry read(const statement::rows& row, const list_entries&) {
  return read_entry(row);
}

/// The page that `rows`, the next ones of the list, make.
template <class Asked>
auto page_in(statement::rows&& rows, const Asked& asked) {
  return make_page(
      all_of(std::move(rows), [&](const statement::rows& row) { return read(row, asked); }), asked);
}

} // namespace

listing::listing(connection& on, reading& reads)
    : reads_(reads), users_(on, sql::list_users),
      users_of_reference_(on, sql::list_users_of_reference),
      users_of_phone_(on, sql::list_users_of_phone), orders_of_user_(on, sql::list_orders_of_user),
      orders_of_reference_(on, sql::list_orders_of_reference),
      orders_by_time_(on, sql::list_orders_by_time),
      entries_of_user_(on, sql::list_entries_of_user),
      entries_of_order_(on, sql::list_entries_of_order),
      entries_by_time_(on, sql::list_entries_by_time) {}

user_page listing::page(const list_users& asked) {
  const int rows = rows_for(asked);
  const std::string_view reference = asked.reference;
  const std::string_view phone = asked.phone;
  if (!reference.empty())
    return page_in(users_of_reference_.query(reference, asked.below.number, rows), asked);
  if (!phone.empty())
    return page_in(users_of_phone_.query(phone, asked.below.number, rows), asked);
  return page_in(users_.query(asked.below.number, rows), asked);
}

order_page listing::rows_of(const list_orders& asked) {
  const int rows = rows_for(asked);
  const std::string_view reference = asked.reference;
  if (!reference.empty())
    return page_in(orders_of_reference_.query(reference, asked.below.number, rows), asked);
  if (asked.user)
    return page_in(orders_of_user_.query(*asked.user, asked.below.number, rows), asked);
  const time_bounds in = bounds_of(asked);
  return page_in(orders_by_time_.query(in.from, in.at, in.number, rows), asked);
}

entry_page listing::rows_of(const list_entries& asked) {
  const int rows = rows_for(asked);
  if (asked.user)
    return page_in(entries_of_user_.query(*asked.user, asked.below.number, rows), asked);
  if (asked.order)
    return page_in(entries_of_order_.query(*asked.order, asked.below.number, rows), asked);
  const time_bounds in = bounds_of(asked);
  return page_in(entries_by_time_.query(in.from, in.at, in.number, rows), asked);
}

std::optional<order_page> listing::page(const list_orders& asked) {
  order_page page = rows_of(asked);
  if (asked.user && page.items.empty() && !reads_.find_balance(*asked.user))
    return std::nullopt;
  return page;
}

std::optional<entry_page> listing::page(const list_entries& asked) {
  entry_page page = rows_of(asked);
  if (asked.user && page.items.empty() && !reads_.find_balance(*asked.user))
    return std::nullopt;
  if (asked.order && page.items.empty() && !reads_.find(*asked.order))
    return std::nullopt;
  return page;
}

} // namespace paymentd::db::sqlite
