#include "db/sqlite/lists.hpp"

#include "db/list_page.hpp"
#include "db/sqlite/sql.hpp"

namespace paymentd::db::sqlite {
namespace {

constexpr int user_id_column = 7;
constexpr int payment_column = 9;
constexpr int order_id_column = 16;

} // namespace

ledger_entry read_entry(const statement::rows& row) {
  ledger_entry found{.id = {row.integer(0)},
                     .user = {row.integer(1)},
                     .sequence = row.integer(2),
                     .order = row.optional_id<order_id>(3),
                     .kind = static_cast<entry_kind>(row.integer(4)),
                     .amount = {row.integer(5)},
                     .balance_after = {row.integer(6)},
                     .created_at = row.time(7),
                     .reason = row.text(8),
                     .created_by = row.text(10)};
  if (found.kind == entry_kind::refund)
    found.refunded_after = {row.integer(9)};
  return found;
}

namespace {

std::vector<user> users_in(statement::rows row) {
  std::vector<user> found;
  while (row.next())
    found.push_back(read_user(row, {row.integer(user_id_column)}));
  return found;
}

std::vector<order> orders_in(statement::rows row) {
  std::vector<order> found;
  while (row.next())
    read_payment(row, payment_column,
                 found.emplace_back(read_order(row, {row.integer(order_id_column)})));
  return found;
}

std::vector<ledger_entry> entries_in(statement::rows row) {
  std::vector<ledger_entry> found;
  while (row.next())
    found.push_back(read_entry(row));
  return found;
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
    return make_page(users_in(users_of_reference_.query(reference, asked.below.number, rows)),
                     asked);
  if (!phone.empty())
    return make_page(users_in(users_of_phone_.query(phone, asked.below.number, rows)), asked);
  return make_page(users_in(users_.query(asked.below.number, rows)), asked);
}

std::optional<order_page> listing::page(const list_orders& asked) {
  const int rows = rows_for(asked);
  const std::string_view reference = asked.reference;
  order_page page;
  if (!reference.empty()) {
    page = make_page(orders_in(orders_of_reference_.query(reference, asked.below.number, rows)),
                     asked);
  } else if (asked.user) {
    page =
        make_page(orders_in(orders_of_user_.query(*asked.user, asked.below.number, rows)), asked);
  } else {
    const time_bounds in = bounds_of(asked);
    page = make_page(orders_in(orders_by_time_.query(in.from, in.at, in.number, rows)), asked);
  }
  if (asked.user && page.items.empty() && !reads_.find_balance(*asked.user))
    return std::nullopt;
  return page;
}

std::optional<entry_page> listing::page(const list_entries& asked) {
  const int rows = rows_for(asked);
  entry_page page;
  if (asked.user) {
    page =
        make_page(entries_in(entries_of_user_.query(*asked.user, asked.below.number, rows)), asked);
  } else if (asked.order) {
    page = make_page(entries_in(entries_of_order_.query(*asked.order, asked.below.number, rows)),
                     asked);
  } else {
    const time_bounds in = bounds_of(asked);
    page = make_page(entries_in(entries_by_time_.query(in.from, in.at, in.number, rows)), asked);
  }
  if (asked.user && page.items.empty() && !reads_.find_balance(*asked.user))
    return std::nullopt;
  if (asked.order && page.items.empty() && !reads_.find(*asked.order))
    return std::nullopt;
  return page;
}

} // namespace paymentd::db::sqlite
