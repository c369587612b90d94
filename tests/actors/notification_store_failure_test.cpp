// Goal: a database that is away, in doubt or broken costs no message and sends none twice.
// Method: as notification_failure_test; the store fails as the test tells it.
#include "failing_delivery.hpp"

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;

class notification_store_failure_test : public failing_delivery {};

TEST_F(notification_store_failure_test,
       while_the_database_is_away_results_wait_and_nothing_is_resent) {
  start_warm();
  provider.hold_answers = true;
  const auto paid = fixture.pay(3);
  fixture.run();
  fixture.store->before = [] {
    return std::optional(db::error{db::error_kind::unavailable, "gone"});
  };
  provider.hold_answers = false;
  provider.release();
  fixture.pass(10s);
  EXPECT_TRUE(fixture.status().child_lives);
  EXPECT_EQ(fixture.status().failures, 0);
  EXPECT_EQ(provider.sent.size(), 1u);
  fixture.store->before = nullptr;
  fixture.pass(2s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(provider.sent.size(), 1u);
}

TEST_F(notification_store_failure_test, a_database_that_is_away_at_the_start_is_waited_for) {
  fixture.store->before = [] {
    return std::optional(db::error{db::error_kind::unavailable, "gone"});
  };
  fixture.start();
  fixture.pass(5s);
  EXPECT_TRUE(fixture.status().child_lives);
  fixture.store->before = nullptr;
  fixture.pass(2s);
  const auto paid = fixture.pay(2);
  fixture.pass(1s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_store_failure_test, a_step_in_doubt_is_looked_up_whether_it_happened_or_not) {
  start_warm();
  const db::error lost{db::error_kind::in_doubt, "the answer was lost"};
  for (const bool happened : {false, true}) {
    provider.hold_answers = true;
    const auto paid = fixture.pay(3);
    fixture.run();
    auto& fault = happened ? fixture.store->after : fixture.store->before;
    fault = [lost, first = true]() mutable {
      return std::exchange(first, false) ? std::optional(lost) : std::nullopt;
    };
    provider.hold_answers = false;
    provider.release();
    fixture.pass(2s);
    EXPECT_TRUE(fixture.all_delivered_once(paid)) << happened;
  }
  EXPECT_EQ(provider.sent.size(), 2u);
}

TEST_F(notification_store_failure_test, a_broken_database_ends_the_actor_and_the_next_one_heals) {
  start_warm();
  fixture.store->before = [first = true]() mutable {
    return std::exchange(first, false)
               ? std::optional(db::error{db::error_kind::broken, "no rights"})
               : std::nullopt;
  };
  const auto paid = fixture.pay(3);
  fixture.run();
  EXPECT_EQ(fixture.status().last_error, "the store: no rights");
  fixture.pass(2s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

} // namespace
} // namespace paymentd::actors::test
