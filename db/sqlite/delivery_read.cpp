#include "db/sqlite/delivery_read.hpp"

#include "db/row_readers.hpp"
#include "db/sqlite/list_sql.hpp"

namespace paymentd::db::sqlite {

delivery_reading::delivery_reading(connection& on)
    : cursors_(on, sql::list_cursors), former_kinds_(on, sql::list_former_kinds),
      claimed_(on, sql::list_claimed), ledger_(on, sql::list_ledger), stored_(on, sql::list_stored),
      undelivered_(on, sql::list_undelivered), entries_of_order_(on, sql::entries_of_order),
      tries_(on, sql::list_tries) {}

result<std::vector<entry_id>> delivery_reading::entries_of(order_id id) {
  return all_of(entries_of_order_.query(id),
                [](const statement::rows& row) { return entry_id{row.integer(0)}; });
}

result<std::vector<delivery_try>> delivery_reading::tries_of(subscriber_id subscriber,
                                                             entry_id entry) {
  return all_of(tries_.query(subscriber, entry),
                [](const statement::rows& row) { return read_try(row, 0); });
}

result<std::vector<list_cursor>> delivery_reading::cursors() {
  auto all = all_of(cursors_.query(), read_cursor<statement::rows>);
  for (list_cursor& one : all) {
    one.wants.before = all_of(former_kinds_.query(one.subscriber, one.stream),
                              [](const statement::rows& row) { return read_former_kinds(row, 0); });
    one.claimed =
        all_of(claimed_.query(one.subscriber, one.stream), [](const statement::rows& row) {
          return list_cursor::range{number_of({row.integer(0)}), number_of({row.integer(1)})};
        });
  }
  return all;
}

result<std::vector<std::vector<list_row>>>
delivery_reading::look(std::span<const list_look> stretches) {
  std::vector<std::vector<list_row>> found;
  for (const list_look& each : stretches)
    found.push_back(all_of(each.what == list_look::from::undelivered
                               ? undelivered_.query(each.subscriber, each.above, each.below,
                                                    each.rows, static_cast<int>(each.status))
                               : (each.what == list_look::from::ledger ? ledger_ : stored_)
                                     .query(each.subscriber, each.above, each.below, each.rows),
                           read_delivery<statement::rows>));
  return found;
}

} // namespace paymentd::db::sqlite
