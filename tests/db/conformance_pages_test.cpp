// Goal: each delivery is shown as it is, and the pages of a list hold each of them once, newest
// first. Method: bring deliveries into every state, page through them with every filter and limit,
// and pay more between two pages.
#include "tests/db/conformance.hpp"

#include <algorithm>

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using enum delivery_status;

class pages : public conformance {
 protected:
  delivery_page page(const list_deliveries& asked) { return read<delivery_page>(asked); }

  /// All pages of a list, one after the other.
  std::vector<delivery> all(list_deliveries asked) {
    std::vector<delivery> found;
    for (int count = 0; count < 1000; ++count) {
      auto one = page(asked);
      EXPECT_LE(std::ssize(one.items), asked.limit);
      found.insert(found.end(), one.items.begin(), one.items.end());
      if (!one.next)
        return found;
      asked.after = one.next;
    }
    ADD_FAILURE() << "the pages do not end";
    return found;
  }
  std::vector<entry_id> entries(const list_deliveries& asked) {
    std::vector<entry_id> ids;
    for (const delivery& each : all(asked))
      ids.push_back(each.entry);
    return ids;
  }

  /// 12 payments, oldest first: 0 to 1 DELIVERED, 2 to 3 FAILED, 4 to 5 waiting for another try, 6
  /// to 7 tried again now, 8 to 9 claimed, 10 to 11 ahead of the cursor.
  std::vector<order> twelve_in_every_state(subscriber_id who) {
    auto paid = paid_orders(8);
    const auto first = deliver(step(who, 4, 2)).claims;
    auto next = step(who);
    next.ended = {end_as(first[0], delivered), end_as(first[1], failed),
                  end_as(first[2], pending, now_ + 1h), end_as(first[3], pending, now_)};
    deliver(next);
    deliver(step(who, 1, 2));
    for (const auto& each : paid_orders(4))
      paid.push_back(each);
    deliver(step(who, 1, 2));
    return paid;
  }
};

std::vector<entry_id> newest_first(const std::vector<order>& paid, std::size_t first,
                                   std::size_t last) {
  std::vector<entry_id> ids;
  for (std::size_t i = first; i <= last; ++i)
    ids.push_back(paid[i].payment_entry.value());
  std::ranges::reverse(ids);
  return ids;
}

TEST_P(pages, a_delivery_is_shown_in_each_of_its_states) {
  const auto who = subscribe();
  const auto paid = twelve_in_every_state(who);
  const auto shown = [&](std::size_t which) {
    return read<delivery>(get_delivery{"alimtalk", *paid[which].payment_entry});
  };
  delivery expected{.subscriber = "alimtalk",
                    .entry = *paid[0].payment_entry,
                    .order = paid[0].id,
                    .status = delivered,
                    .attempts = 1,
                    .last_error = {},
                    .provider_message_id =
                        "message-" + std::to_string(paid[0].payment_entry->value),
                    .next_attempt = {},
                    .created_at = now_,
                    .updated_at = now_};
  EXPECT_EQ(shown(0), expected);
  EXPECT_EQ(shown(3).status, failed);
  EXPECT_EQ(shown(3).last_error, "refused");
  EXPECT_EQ(shown(5).status, pending);
  EXPECT_EQ(shown(5).next_attempt, now_ + 1h);
  EXPECT_EQ(shown(7).status, pending);
  EXPECT_EQ(shown(7).attempts, 1);
  EXPECT_EQ(shown(7).next_attempt, std::nullopt);
  for (const std::size_t untried : {9u, 11u}) {
    expected.entry = *paid[untried].payment_entry;
    expected.order = paid[untried].id;
    expected.status = pending;
    expected.attempts = 0;
    expected.provider_message_id = {};
    EXPECT_EQ(shown(untried), expected);
  }
}

TEST_P(pages, what_is_not_for_a_subscriber_is_not_found) {
  const auto before = paid_orders(1);
  subscribe();
  const auto paid = paid_orders(1);
  const auto missing = [&](const std::string& name, entry_id entry) {
    return std::holds_alternative<not_found>(
        must(lane_->read(std::vector<query>{get_delivery{name, entry}})).at(0));
  };
  EXPECT_TRUE(missing("alimtalk", *before[0].payment_entry));
  EXPECT_TRUE(missing("other", *paid[0].payment_entry));
  EXPECT_TRUE(missing("alimtalk", {paid[0].payment_entry->value + 1}));
  EXPECT_TRUE(missing("alimtalk", make_entry_id({77}, 5)));
  EXPECT_TRUE(missing("alimtalk", {paid[0].payment_entry->value - 1})) << "the order's CHARGE";
}

TEST_P(pages, each_filter_shows_its_own_newest_first_whatever_the_limit) {
  const auto who = subscribe();
  const auto paid = twelve_in_every_state(who);
  for (const int limit : {1, 2, 3, 5, 100}) {
    SCOPED_TRACE(limit);
    EXPECT_EQ(entries({.limit = limit}), newest_first(paid, 0, 11));
    EXPECT_EQ(entries({.status = delivered, .limit = limit}), newest_first(paid, 0, 1));
    EXPECT_EQ(entries({.status = failed, .limit = limit}), newest_first(paid, 2, 3));
    EXPECT_EQ(entries({.status = pending, .limit = limit}), newest_first(paid, 4, 11));
    EXPECT_THAT(entries({.order = paid[9].id, .limit = limit}),
                ElementsAre(*paid[9].payment_entry));
    EXPECT_THAT(entries({.status = failed, .order = paid[9].id, .limit = limit}), IsEmpty());
    EXPECT_THAT(entries({.order = order_id{999'999}, .limit = limit}), IsEmpty());
  }
}

TEST_P(pages, a_page_tells_whether_there_are_more) {
  const auto who = subscribe();
  twelve_in_every_state(who);
  EXPECT_EQ(page({.limit = 12}).next, std::nullopt);
  EXPECT_NE(page({.limit = 11}).next, std::nullopt);
  EXPECT_EQ(page({.status = failed, .limit = 2}).next, std::nullopt);
}

TEST_P(pages, what_is_paid_between_two_pages_neither_repeats_nor_hides_anything) {
  const auto who = subscribe();
  const auto paid = twelve_in_every_state(who);
  const auto first = page({.limit = 5});
  paid_orders(3);
  deliver(step(who, 1));
  auto rest = all({.limit = 5, .after = first.next});
  rest.insert(rest.begin(), first.items.begin(), first.items.end());
  ASSERT_THAT(rest, SizeIs(12));
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_EQ(rest[i].entry, newest_first(paid, 0, 11)[i]);
}

TEST_P(pages, subscribers_of_one_event_each_have_a_delivery) {
  subscribe("alimtalk");
  subscribe("web-hook", true, true);
  const auto paid = paid_orders(2);
  settle_one<order>(refund{paid[0].id});
  std::vector<std::string> names;
  for (const delivery& each : all({.order = paid[0].id, .limit = 1}))
    names.push_back(each.subscriber);
  EXPECT_THAT(names, ElementsAre("web-hook", "alimtalk", "web-hook"));
  EXPECT_THAT(all({.limit = 2}), SizeIs(5));
}

TEST_P(pages, each_refund_of_an_order_has_a_delivery) {
  subscribe("web-hook", true, true);
  const auto paid = paid_orders(1)[0];
  for (int n = 0; n < 3; ++n)
    settle_one<order>(refund{paid.id, won{1}, {}});
  EXPECT_THAT(all({.order = paid.id, .limit = 2}), SizeIs(4));
  EXPECT_THAT(all({.order = paid.id, .subscriber = "another"}), SizeIs(0));
  EXPECT_THAT(all({.subscriber = "web-hook", .created = {now_, now_ + std::chrono::hours{1}}}),
              SizeIs(4));
  EXPECT_THAT(all({.created = {.to = now_}}), SizeIs(0));
}

TEST_P(pages, a_long_stretch_that_is_not_wanted_is_passed_in_bounded_pages) {
  subscribe();
  const auto paid = paid_orders(1);
  const auto owner = new_user(1);
  const std::vector<command> charges(3'000, charge{owner.id, {1}});
  settle(charges);
  EXPECT_THAT(entries({.limit = 20}), ElementsAre(*paid[0].payment_entry));
  EXPECT_THAT(entries({.status = pending, .limit = 20}), ElementsAre(*paid[0].payment_entry));
}

INSTANTIATE_TEST_SUITE_P(stores, pages, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
