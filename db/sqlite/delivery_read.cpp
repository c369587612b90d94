#include "db/sqlite/delivery_read.hpp"

#include "db/sqlite/sql.hpp"

namespace paymentd::db::sqlite {
namespace {

list_row row_of(const statement::rows& from) {
  list_row made{
      .entry = {from.integer(0)}, .kind = {}, .order = {}, .created_at = {}, .stored = {}};
  if (!from.is_null(1)) {
    made.kind = static_cast<entry_kind>(from.integer(1));
    made.order = {from.integer(2)};
    made.created_at = from.time(3);
  }
  if (!from.is_null(4)) {
    made.stored = list_row::stored_delivery{
        .attempts = static_cast<int>(from.integer(5)),
        .last_error = std::string(from.text(6)),
        .provider_message_id = std::string(from.text(7)),
        .next_attempt = from.is_null(8) ? std::nullopt : std::optional(from.time(8)),
        .updated_at = from.time(9),
        .delivered_at = from.is_null(10) ? std::nullopt : std::optional(from.time(10))};
    set_status(*made.stored, from.integer(4));
    if (!from.is_null(11))
      set_channel(*made.stored, from.integer(11));
  }
  return made;
}

} // namespace

delivery_reading::delivery_reading(connection& on)
    : places_(on, sql::list_places), claimed_(on, sql::list_claimed), ledger_(on, sql::list_ledger),
      stored_(on, sql::list_stored), undelivered_(on, sql::list_undelivered),
      entries_of_order_(on, sql::entries_of_order) {}

result<std::vector<entry_id>> delivery_reading::entries_of(order_id id) {
  std::vector<entry_id> found;
  auto rows = entries_of_order_.query(id);
  while (rows.next())
    found.push_back({rows.integer(0)});
  return found;
}

result<std::vector<list_place>> delivery_reading::places() {
  std::vector<list_place> all;
  auto rows = places_.query();
  while (rows.next()) {
    list_place& one = all.emplace_back();
    one.subscriber = {rows.integer(0)};
    one.name = rows.text(1);
    one.wants_payments = rows.integer(2) != 0;
    one.wants_refunds = rows.integer(3) != 0;
    one.stream = {rows.integer(4)};
    one.next = rows.integer(5);
    one.position = rows.integer(6);
    one.kept_from = rows.integer(7);
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
        to.push_back(row_of(rows));
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
