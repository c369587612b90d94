#include "db/postgres/delivery_read.hpp"

#include "db/postgres/event_read.hpp"
#include "db/postgres/list_sql.hpp"
#include "db/postgres/session_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/row_readers.hpp"

#include <array>
#include <map>

namespace paymentd::db::postgres {

result<std::vector<list_cursor>> delivery_reading::cursors() {
  session_.add(sql::list_cursors);
  session_.add(sql::list_claimed);
  session_.add(sql::list_former_kinds);
  const auto answers = session_.run("read the cursors");
  if (!answers)
    return std::unexpected(answers.error());
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<list_cursor::range>> claimed;
  for (const row_view claim : (*answers)[1])
    claimed[{claim.integer(0), claim.integer(1)}].push_back(
        {number_of({claim.integer(2)}), number_of({claim.integer(3)})});
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<wanted_kinds::former>> before;
  for (const row_view row : (*answers)[2])
    before[{row.integer(0), row.integer(1)}].push_back(read_former_kinds(row, 2));
  auto all = all_of((*answers)[0], read_cursor<row_view>);
  for (list_cursor& one : all) {
    const std::pair key(one.subscriber.value, one.stream.value);
    if (const auto at = claimed.find(key); at != claimed.end())
      one.claimed = std::move(at->second);
    if (const auto at = before.find(key); at != before.end())
      one.wants.before = std::move(at->second);
  }
  return all;
}

result<std::vector<std::vector<list_row>>>
delivery_reading::look(std::span<const list_look> stretches) {
  for (const list_look& each : stretches) {
    auto with = parameters{}.add(each.subscriber, each.above, each.below, std::int64_t{each.rows});
    if (each.what == list_look::from::undelivered)
      session_.add(sql::list_undelivered, with.add(static_cast<std::int64_t>(each.status)));
    else
      session_.add(each.what == list_look::from::ledger ? sql::list_ledger : sql::list_stored,
                   with);
  }
  const auto answers = session_.run("read deliveries");
  if (!answers)
    return std::unexpected(answers.error());
  std::vector<std::vector<list_row>> found;
  for (const rows& each : *answers)
    found.push_back(all_of(each, read_delivery<row_view>));
  return found;
}

result<std::vector<entry_id>> delivery_reading::entries_of(order_id id) {
  session_.add(sql::entries_of_order, parameters{}.add(id));
  const auto answers = session_.run("read an order's entries");
  if (!answers)
    return std::unexpected(answers.error());
  return ids_in<entry_id>(answers->front());
}

result<std::vector<delivery_try>> delivery_reading::tries_of(subscriber_id subscriber,
                                                             entry_id entry) {
  session_.add(sql::list_tries, parameters{}.add(subscriber, entry));
  const auto answers = session_.run("read the tries of a message");
  if (!answers)
    return std::unexpected(answers.error());
  std::vector<delivery_try> found;
  for (const row_view row : answers->front())
    found.push_back(read_try(row, 0));
  return found;
}

result<std::vector<answer>> postgres_store::read_with_deliveries(std::span<const query> queries) {
  session_.add(sql::begin_snapshot);
  if (auto begun = session_.run("begin to read"); !begun)
    return std::unexpected(begun.error());
  auto answers = read_things(queries);
  delivery_reading source(session_);
  delivery_list deliveries(source);
  event_reading events(session_);
  for (std::size_t i = 0; answers && i < queries.size(); ++i) {
    const auto read_one = [&]<class Query>(const Query& one) -> result<answer> {
      if constexpr (std::is_same_v<Query, get_delivery>)
        return deliveries.find(one);
      else if constexpr (std::is_same_v<Query, list_deliveries>)
        return deliveries.page(one);
      else if constexpr (std::is_same_v<Query, list_events>)
        return gather_events(events, one);
      else if constexpr (std::is_same_v<Query, get_audits>)
        return read_audits();
      else if constexpr (requires { one.below; })
        return page(one);
      else
        return std::move((*answers)[i]); // it was read with the others of its kind
    };
    auto found = std::visit(read_one, queries[i]);
    if (found)
      (*answers)[i] = *std::move(found);
    else
      answers = std::unexpected(found.error());
  }
  session_.roll_back(); // nothing was written
  return answers;
}

} // namespace paymentd::db::postgres
