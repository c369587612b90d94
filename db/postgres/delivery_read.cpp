#include "db/postgres/delivery_read.hpp"

#include "db/postgres/event_read.hpp"
#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"

#include <array>
#include <map>

namespace paymentd::db::postgres {
namespace {

list_row row_of(const rows& from, int row) {
  list_row made{
      .entry = {from.integer(row, 0)}, .kind = {}, .order = {}, .created_at = {}, .stored = {}};
  if (!from.is_null(row, 1)) {
    made.kind = static_cast<entry_kind>(from.small_integer(row, 1));
    made.order = from.optional_id<order_id>(row, 2).value_or(order_id{});
    made.created_at = from.time(row, 3);
  }
  const auto text = [&](int column) {
    return from.is_null(row, column) ? std::string() : std::string(from.text(row, column));
  };
  if (!from.is_null(row, 4)) {
    made.stored = list_row::stored_delivery{
        .attempts = static_cast<int>(from.integer(row, 5)),
        .last_error = text(6),
        .provider_message_id = text(7),
        .next_attempt = from.is_null(row, 8) ? std::nullopt : std::optional(from.time(row, 8)),
        .updated_at = from.time(row, 9),
        .delivered_at = from.is_null(row, 10) ? std::nullopt : std::optional(from.time(row, 10))};
    set_status(*made.stored, from.small_integer(row, 4));
    if (!from.is_null(row, 11))
      set_channel(*made.stored, from.small_integer(row, 11));
  }
  return made;
}

} // namespace

result<std::vector<list_place>> delivery_reading::places() {
  session_.add(sql::list_places);
  session_.add(sql::list_claimed);
  const auto answers = session_.run("read the cursors");
  if (!answers)
    return std::unexpected(answers.error());
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<list_place::range>> claimed;
  const rows& claims = (*answers)[1];
  for (int row = 0; row < claims.size(); ++row)
    claimed[{claims.integer(row, 0), claims.integer(row, 1)}].push_back(
        {number_of({claims.integer(row, 2)}), number_of({claims.integer(row, 3)})});
  const rows& found = (*answers)[0];
  std::vector<list_place> all;
  for (int row = 0; row < found.size(); ++row) {
    list_place& one = all.emplace_back();
    one.subscriber = {found.integer(row, 0)};
    one.name = found.text(row, 1);
    one.wants_payments = found.boolean(row, 2);
    one.wants_refunds = found.boolean(row, 3);
    one.stream = {found.integer(row, 4)};
    one.next = found.integer(row, 5);
    one.position = found.integer(row, 6);
    one.kept_from = found.integer(row, 7);
    if (const auto at = claimed.find({one.subscriber.value, one.stream.value}); at != claimed.end())
      one.claimed = std::move(at->second);
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
  for (const rows& each : *answers) {
    auto& to = found.emplace_back();
    for (int row = 0; row < each.size(); ++row)
      to.push_back(row_of(each, row));
  }
  return found;
}

result<std::vector<entry_id>> delivery_reading::entries_of(order_id id) {
  session_.add(sql::entries_of_order, parameters{}.add(id));
  const auto answers = session_.run("read an order's entries");
  if (!answers)
    return std::unexpected(answers.error());
  std::vector<entry_id> found;
  for (int row = 0; row < answers->front().size(); ++row)
    found.push_back({answers->front().integer(row, 0)});
  return found;
}

result<answer> postgres_store::page_of_events(const list_events& asked) {
  event_reading source(session_);
  auto page = gather_events(source, asked);
  if (!page)
    return std::unexpected(page.error());
  return *std::move(page);
}

result<std::vector<answer>> postgres_store::read_with_deliveries(std::span<const query> queries) {
  session_.add(sql::begin_snapshot);
  if (auto begun = session_.run("begin to read"); !begun)
    return std::unexpected(begun.error());
  auto answers = read_things(queries);
  delivery_reading source(session_);
  delivery_list list(source);
  for (std::size_t i = 0; answers && i < queries.size(); ++i) {
    result<answer> found = (*answers)[i];
    if (const auto* one = std::get_if<get_delivery>(&queries[i]))
      found = list.find(*one);
    else if (const auto* page = std::get_if<list_deliveries>(&queries[i]))
      found = list.page(*page);
    else if (const auto* of_users = std::get_if<list_users>(&queries[i]))
      found = this->page(*of_users);
    else if (const auto* of_orders = std::get_if<list_orders>(&queries[i]))
      found = this->page(*of_orders);
    else if (const auto* of_entries = std::get_if<list_entries>(&queries[i]))
      found = this->page(*of_entries);
    else if (const auto* events = std::get_if<list_events>(&queries[i]))
      found = page_of_events(*events);
    if (found)
      (*answers)[i] = *std::move(found);
    else
      answers = std::unexpected(found.error());
  }
  session_.roll_back(); // nothing was written
  return answers;
}

} // namespace paymentd::db::postgres
