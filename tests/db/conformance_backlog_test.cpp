// Goal: the backlog of a subscriber is every message that it wants and that is neither DELIVERED
// nor FAILED, once, wherever it stands; and to measure it is bounded. Method: messages in every
// state, beside entries that nobody is told of.
#include "tests/db/conformance.hpp"

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;
using enum delivery_status;

class backlog : public conformance {
 protected:
  delivery_backlog measure(const std::string& name = "alimtalk", std::int64_t most = 1000) {
    return must(lane_->measure_backlog(name, most));
  }
};

TEST_P(backlog, a_message_counts_until_it_has_a_final_result) {
  const subscriber_id who = subscribe();
  EXPECT_EQ(measure().messages, 0);
  EXPECT_EQ(measure().oldest, std::nullopt);
  const instant first = now_;
  paid_orders(4);
  now_ += 1h;
  paid_orders(2);
  EXPECT_EQ(measure().messages, 6) << "ahead of the cursor; charges are no messages";
  EXPECT_EQ(measure().oldest, first);
  const auto claims = deliver(step(who, 2, 2)).claims;
  ASSERT_EQ(claims.size(), 2u);
  EXPECT_EQ(measure().messages, 6) << "two claims of two, and two ahead";
  EXPECT_EQ(measure().oldest, first);
  auto end = step(who);
  end.ended = {end_as(claims[0], pending, now_ + 1h), end_as(claims[1], delivered)};
  deliver(end);
  EXPECT_EQ(measure().messages, 4) << "two wait for another try";
  now_ += 2h;
  const auto again = deliver(step(who, 1)).claims;
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(measure().messages, 4) << "those two are claimed again";
  auto fail = step(who);
  fail.ended = {end_as(again[0], failed)};
  deliver(fail);
  EXPECT_EQ(measure().messages, 2);
  EXPECT_EQ(measure().oldest, first + 1h);
}

TEST_P(backlog, a_subscriber_has_only_what_it_wants_and_from_its_registration_on) {
  paid_orders(3);
  subscribe("late");
  const auto paid = paid_orders(2);
  subscribe("refunds", false, true);
  EXPECT_EQ(measure("late").messages, 2);
  EXPECT_EQ(measure("refunds").messages, 0);
  settle_one<order>(refund{.order = paid[0].id});
  EXPECT_EQ(measure("late").messages, 2);
  EXPECT_EQ(measure("refunds").messages, 1);
  EXPECT_EQ(measure("unknown").messages, 0);
}

TEST_P(backlog, no_more_is_looked_at_than_was_allowed) {
  subscribe();
  paid_orders(20);
  EXPECT_LE(measure("alimtalk", 5).messages, 5);
  EXPECT_EQ(measure("alimtalk", 1000).messages, 20);
}

INSTANTIATE_TEST_SUITE_P(stores, backlog, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
