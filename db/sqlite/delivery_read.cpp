#include "db/sqlite/delivery_read.hpp"

#include "db/row_readers.hpp"
#include "db/sqlite/list_sql.hpp"

namespace paymentd::db::sqlite {

delivery_reading::delivery_reading(connection& on)
    : cursors_(on, sql::list_cursors), claimed_(on, sql::list_claimed),
      ledger_(on, sql::list_ledger), stored_(on, sql::list_stored),
      undelivered_(on, sql::list_undelivered), entries_of_order_(on, sql::entries_of_order) {}

result<std::vector<entry_id>> delivery_reading::entries_of(order_id id) {
  std::vector<entry_id> found;
  auto rows = entries_of_order_.query(id);
  while (rows.next())
    found.push_back({rows.integer(0)});
  return found;
}

result<std::vector<list_cursor>> delivery_reading::cursors() {
  std::vector<list_cursor> all;
  auto rows = cursors_.query();
  while (rows.next()) {
    list_cursor& one = all.emplace_back(read_cursor(rows));
    auto claimed = claimed_.query(one.subscriber, one.stream);
    while (claimed.next())
      one.claimed.push_back({number_of({claimed.integer(0)}), number_of({claimed.integer(1)})});
  }
  return all;
}

result<std::vector<std::vector<list_row>>>
delivery_reading::look(std::span<const list_look> stretches) {
  std::vector<std::vector<list_row>> found;
  for (const list_look& each : stretches) {
    auto& to = found.emplace_back();
    const auto read = [&to](statement::rows rows) {
      while (rows.next())
        to.push_back(read_delivery(rows));
    };
    if (each.what == list_look::from::undelivered)
      read(undelivered_.query(each.subscriber, each.above, each.below, each.rows,
                              static_cast<int>(each.status)));
    else
      read((each.what == list_look::from::ledger ? ledger_ : stored_)
               .query(each.subscriber, each.above, each.below, each.rows));
  }
  return found;
}

} // namespace paymentd::db::sqlite
