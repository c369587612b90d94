// Goal: a reader of events that goes from page to page sees each payment and refund once, in its
// stream's order, however many streams there are and whatever comes meanwhile. Method: pages of
// every size over a ledger that grows, with other streams beside it and behind it.
#include "domain/id_floor.hpp"
#include "tests/db/conformance.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace paymentd::db {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class events : public conformance {
 protected:
  event_page page(const list_events& asked) { return read<event_page>(asked); }

  /// Every event from there on, read in pages.
  std::vector<payment_event> all(list_events asked) {
    std::vector<payment_event> found;
    for (int count = 0; count < 1000; ++count) {
      const event_page one = page(asked);
      EXPECT_LE(std::ssize(one.items), asked.limit);
      found.insert(found.end(), one.items.begin(), one.items.end());
      asked.from = one.next;
      if (!one.more)
        return found;
    }
    ADD_FAILURE() << "the pages do not end";
    return found;
  }
  std::vector<entry_id> ids(const list_events& asked) {
    std::vector<entry_id> made;
    for (const payment_event& each : all(asked))
      made.push_back(each.entry);
    return made;
  }
  /// The lane goes on in another stream: the clock has left the window of the one before.
  void take_another_stream() {
    window_begin_ += std::chrono::days{250};
    must(lane_->take_stream(window_begin_));
  }
  instant window_begin_ = id_era;
};

std::vector<entry_id> payments_of(const std::vector<order>& paid) {
  std::vector<entry_id> made;
  for (const order& each : paid)
    made.push_back(each.payment_entry.value());
  return made;
}

TEST_P(events, each_is_told_once_and_oldest_first_whatever_the_limit) {
  const auto paid = paid_orders(7);
  const order refunded = settle_one<order>(refund{paid[2].id});
  auto expected = payments_of(paid);
  expected.push_back(refunded.refund_entry.value());
  for (const int limit : {1, 2, 3, 8, 100})
    EXPECT_EQ(ids({.from = event_start::oldest, .limit = limit}), expected) << limit;
}

TEST_P(events, an_event_is_that_of_a_webhook) {
  subscribe("hook", true, true);
  const auto paid = paid_orders(1);
  refund part{paid[0].id};
  part.reason = "broken";
  settle_one<order>(part);
  const auto claims = deliver(step({1}, 1)).claims;
  const auto found = all({.from = event_start::oldest});
  ASSERT_THAT(found, SizeIs(2));
  ASSERT_THAT(claims.at(0).messages, SizeIs(2));
  EXPECT_EQ(found[0], claims[0].messages[0].event);
  EXPECT_EQ(found[1], claims[0].messages[1].event);
  EXPECT_EQ(found[1].reason, "broken");
  EXPECT_FALSE(page({}).instance.empty());
}

TEST_P(events, only_the_kinds_that_are_asked_for_come) {
  const auto paid = paid_orders(3);
  const auto refunded = settle_one<order>(refund{paid[1].id}).refund_entry.value();
  const event_start oldest = event_start::oldest;
  EXPECT_EQ(ids({.from = oldest, .refunds = false, .limit = 2}), payments_of(paid));
  EXPECT_THAT(ids({.from = oldest, .payments = false, .limit = 2}), ElementsAre(refunded));
  // The position passes what was not asked for.
  EXPECT_THAT(ids({.from = page({.from = oldest, .payments = false}).next}), IsEmpty());
}

TEST_P(events, from_now_on_means_what_comes_later) {
  EXPECT_THAT(page({}).items, IsEmpty());
  const auto empty = page({.limit = 0}).next;
  const auto first = paid_orders(2);
  const auto now = page({.limit = 0});
  EXPECT_THAT(now.items, IsEmpty());
  EXPECT_FALSE(now.more);
  EXPECT_EQ(now.begin, now.next);
  const auto later = paid_orders(2);
  EXPECT_EQ(ids({.from = now.next}), payments_of(later));
  EXPECT_THAT(ids({.from = empty}), SizeIs(4));
}

TEST_P(events, a_page_ends_where_it_is_bounded) {
  paid_orders(2);
  const auto bound = page({.limit = 0}).next;
  const auto start_of_all = page({.from = event_start::oldest, .limit = 0});
  EXPECT_TRUE(start_of_all.more);
  paid_orders(3);
  const auto up_to = page({.from = event_start::oldest, .to = bound, .limit = 100});
  EXPECT_THAT(up_to.items, SizeIs(2));
  EXPECT_FALSE(up_to.more);
  EXPECT_EQ(up_to.next, bound);
  EXPECT_THAT(page({.from = bound, .to = bound}).items, IsEmpty());
  EXPECT_THAT(page({.from = event_start::oldest, .to = event_position{}}).items, IsEmpty());
}

TEST_P(events, streams_that_begin_meanwhile_are_told_from_their_start) {
  auto paid = paid_orders(3);
  const auto before = page({.limit = 0}).next;
  std::set<stream_id> streams{stream_of(*paid[0].payment_entry)};
  std::vector<entry_id> later;
  for (int stream = 0; stream < 3; ++stream) {
    take_another_stream();
    for (const auto entry : payments_of(paid_orders(4))) {
      later.push_back(entry);
      streams.insert(stream_of(entry));
    }
  }
  ASSERT_GT(streams.size(), 1u);
  for (const int limit : {1, 3, 100}) {
    auto found = ids({.from = before, .limit = limit});
    std::map<stream_id, std::int64_t> last;
    for (const entry_id each : found)
      EXPECT_LT(std::exchange(last[stream_of(each)], number_of(each)), number_of(each));
    std::ranges::sort(found);
    std::ranges::sort(later);
    EXPECT_EQ(found, later) << limit;
  }
  EXPECT_THAT(ids({.from = event_start::oldest, .limit = 5}), SizeIs(15));
}

TEST_P(events, a_position_ahead_of_the_ledger_goes_back_to_its_end) {
  paid_orders(1);
  const auto end = page({.limit = 0}).next;
  event_position ahead = end;
  for (auto& each : ahead)
    each.seen += 1'000'000;
  ahead.push_back({{stream_max}, 77});
  const auto there = page({.from = ahead});
  EXPECT_EQ(there.begin, end);
  EXPECT_EQ(there.next, end);
  const auto later = paid_orders(1);
  EXPECT_EQ(ids({.from = there.next}), payments_of(later));
}

TEST_P(events, a_long_stretch_without_events_is_passed_in_bounded_pages) {
  const auto owner = new_user(1);
  const auto before = page({.limit = 0}).next;
  for (int i = 0; i < 10; ++i)
    settle(std::vector<command>(2'000, charge{owner.id, {1}}));
  const auto paid = paid_orders(1);
  const auto first = page({.from = before, .limit = 1});
  EXPECT_THAT(first.items, IsEmpty());
  EXPECT_TRUE(first.more);
  EXPECT_NE(first.next, before);
  EXPECT_EQ(ids({.from = before, .limit = 1}), payments_of(paid));
}

INSTANTIATE_TEST_SUITE_P(stores, events, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
