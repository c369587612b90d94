// Goal: pages over many streams and subscribers hold each delivery once, in order, with a bounded
// look at the database. Method: a source in memory with cursors in random states, whole lists
// against a model, and a count of the rows that were read.
#include "db/delivery_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace paymentd::db {
namespace {

class model_source final : public list_source {
 public:
  result<std::vector<list_cursor>> cursors() override { return all; }
  result<std::vector<std::vector<list_row>>> look(std::span<const list_look> stretches) override {
    std::vector<std::vector<list_row>> found;
    for (const list_look& each : stretches) {
      auto& to = found.emplace_back();
      const auto& from = rows[each.subscriber.value];
      for (auto at = from.lower_bound(each.below.value);
           at != from.begin() && std::ssize(to) < each.rows;) {
        --at;
        if (at->first <= each.above.value)
          break;
        const auto& stored = at->second.stored;
        const bool undelivered = each.what == list_look::from::undelivered;
        if (each.what == list_look::from::ledger ||
            (stored && (!undelivered || stored->status == each.status)))
          to.push_back(at->second);
      }
      rows_read += static_cast<int>(to.size());
    }
    return found;
  }
  result<std::vector<entry_id>> entries_of(order_id) override { return {}; }
  result<std::vector<delivery_try>> tries_of(subscriber_id, entry_id) override { return tries; }

  std::vector<list_cursor> all;
  std::map<std::int64_t, std::map<std::int64_t, list_row>> rows; // by subscriber and entry
  std::vector<delivery_try> tries;                               // of each message
  int rows_read = 0;
};

/// A stream of one subscriber: behind the cursor stored or claimed, some ahead of it, and charges
/// between them.
void add_cursor(model_source& to, std::int64_t subscriber, std::int64_t stream, std::int64_t size,
                std::mt19937_64& random) {
  list_cursor at;
  at.subscriber = {subscriber};
  at.name = "s" + std::to_string(subscriber);
  at.wants.now.payments = true;
  at.stream = {stream};
  at.next = size + 1;
  at.position = size * 3 / 4;
  at.claimed = {{size / 2, size / 2 + size / 8}};
  for (std::int64_t number = 1; number <= size; ++number) {
    list_row row{.entry = make_entry_id({stream}, number),
                 .kind = random() % 5 == 0 ? entry_kind::charge : entry_kind::payment,
                 .order = {number},
                 .created_at = instant{std::chrono::milliseconds{number / 3 * 10}},
                 .stored = {}};
    const bool claimed = at.claimed[0].first <= number && number <= at.claimed[0].last;
    if (row.kind == entry_kind::payment && number <= at.position && !claimed)
      row.stored.emplace().status = static_cast<delivery_status>(random() % 3);
    to.rows[subscriber].emplace(row.entry.value, row);
  }
  to.all.push_back(at);
}

std::vector<delivery> all_pages(model_source& from, list_deliveries asked) {
  std::vector<delivery> found;
  for (int pages = 0; pages < 10'000; ++pages) {
    const int before = from.rows_read;
    const auto page = std::get<delivery_page>(delivery_list(from).page(asked).value());
    EXPECT_LE(from.rows_read - before, 25'000);
    found.insert(found.end(), page.items.begin(), page.items.end());
    if (!page.next)
      return found;
    asked.after = page.next;
  }
  ADD_FAILURE() << "the pages do not end";
  return found;
}

TEST(delivery_list, pages_over_many_streams_hold_each_delivery_once_in_order) {
  std::mt19937_64 random{7};
  model_source from;
  for (std::int64_t stream = 1; stream <= 6; ++stream)
    for (std::int64_t subscriber = 1; subscriber <= 2; ++subscriber)
      add_cursor(from, subscriber, stream, 20 * stream, random);
  std::size_t everything = 0;
  for (const auto& [subscriber, rows] : from.rows)
    everything += static_cast<std::size_t>(std::ranges::count_if(
        rows, [](const auto& each) { return each.second.kind == entry_kind::payment; }));
  for (const int limit : {1, 7, 100}) {
    const auto found = all_pages(from, {.limit = limit});
    EXPECT_EQ(found.size(), everything);
    std::set<std::pair<std::string, entry_id>> once;
    for (const delivery& each : found)
      EXPECT_TRUE(once.emplace(each.subscriber, each.entry).second);
    EXPECT_TRUE(std::ranges::is_sorted(found, std::greater{}, &delivery::created_at));
    std::size_t by_status = 0;
    for (int status = 0; status < 3; ++status) {
      const auto some =
          all_pages(from, {.status = static_cast<delivery_status>(status), .limit = limit});
      by_status += some.size();
      EXPECT_TRUE(std::ranges::is_sorted(some, std::greater{}, &delivery::created_at));
      for (const delivery& each : some)
        EXPECT_EQ(static_cast<int>(each.status), status);
    }
    EXPECT_EQ(by_status, everything);
  }
}

TEST(delivery_list, a_clock_that_went_back_neither_hides_nor_repeats_anything) {
  std::mt19937_64 random{8};
  model_source from;
  for (std::int64_t stream = 1; stream <= 3; ++stream)
    add_cursor(from, 1, stream, 60, random);
  for (auto& [entry, row] : from.rows[1])
    row.created_at = instant{std::chrono::milliseconds{random() % 50}};
  for (const auto status :
       {std::optional<delivery_status>{}, std::optional(delivery_status::pending)}) {
    const auto whole = all_pages(from, {.status = status, .limit = 100});
    for (const int limit : {1, 3}) {
      auto found = all_pages(from, {.status = status, .limit = limit});
      EXPECT_EQ(found.size(), whole.size());
      std::set<entry_id> once;
      for (const delivery& each : found)
        EXPECT_TRUE(once.insert(each.entry).second);
    }
  }
}

TEST(delivery_list, a_subscriber_and_a_span_of_time_are_found_without_a_look_at_all_that_is_older) {
  std::mt19937_64 random{10};
  model_source from;
  for (std::int64_t subscriber = 1; subscriber <= 2; ++subscriber)
    add_cursor(from, subscriber, 1, 100'000, random);
  using std::chrono::hours;
  for (auto& [subscriber, rows] : from.rows)
    for (auto& [entry, row] : rows) // one an hour
      row.created_at = instant{} + hours{number_of({entry})};
  const list_deliveries asked{.subscriber = "s2",
                              .created = {instant{} + hours{99'000}, instant{} + hours{99'010}}};
  std::size_t expected = 0;
  for (std::int64_t number = 99'000; number < 99'010; ++number)
    expected += from.rows[2].at(make_entry_id({1}, number).value).kind == entry_kind::payment;
  const auto found = all_pages(from, asked);
  EXPECT_EQ(found.size(), expected);
  for (const delivery& each : found)
    EXPECT_EQ(each.subscriber, "s2");
  EXPECT_LT(from.rows_read, 5'000);
}

TEST(delivery_list, few_among_many_are_found_page_by_page_with_a_bound_for_each) {
  std::mt19937_64 random{9};
  model_source from;
  add_cursor(from, 1, 1, 100'000, random);
  for (auto& [entry, row] : from.rows[1])
    if (row.stored)
      row.stored->status = entry == make_entry_id({1}, 7).value ? delivery_status::delivered
                                                                : delivery_status::failed;
  from.rows[1].at(make_entry_id({1}, 7).value).kind = entry_kind::payment;
  from.rows[1].at(make_entry_id({1}, 7).value).stored.emplace().status = delivery_status::delivered;
  const auto found = all_pages(from, {.status = delivery_status::delivered, .limit = 20});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].entry, make_entry_id({1}, 7));
}

TEST(delivery_list, one_alone_has_its_last_tries_and_a_page_has_none) {
  std::mt19937_64 random{11};
  model_source from;
  add_cursor(from, 1, 1, 20, random);
  const entry_id entry = make_entry_id({1}, 20); // ahead of the cursor
  from.rows[1].at(entry.value).kind = entry_kind::payment;
  for (int i = 1; i <= 13; ++i)
    from.tries.push_back({.at = instant{std::chrono::seconds{i}}, .detail = "no"});
  const auto one = std::get<delivery>(delivery_list(from).find({"s1", entry}).value());
  ASSERT_EQ(one.tries.size(), tries_max);
  EXPECT_EQ(one.tries.front(), from.tries[3]);
  EXPECT_EQ(one.tries.back(), from.tries[12]);
  for (const delivery& each : all_pages(from, {}))
    EXPECT_TRUE(each.tries.empty());
}

} // namespace
} // namespace paymentd::db
