// Goal: retries made due by hand are sent promptly, and what was DELIVERED long ago is pruned in
// small steps with pauses, by who holds the stream. Method: the fixture of delivery_fixture.hpp,
// whose time and store are the test's.
#include "failing_delivery.hpp"

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;

class notification_upkeep_test : public failing_delivery {
 public:
  entry_id one_that_failed() {
    const auto paid = fixture.pay(1);
    fail_recipient(paid[0], failing(providers::failure_class::permanent, "-5000 bad number"));
    fixture.run();
    provider.on_send = nullptr;
    EXPECT_EQ(fixture.result_of(paid[0]).status, delivery_status::failed);
    return paid[0];
  }
  void retry(entry_id entry) {
    const delivery_retry which{{"alimtalk", entry}};
    const auto answers = fixture.store->retry(std::span(&which, 1), fixture.on.time());
    ASSERT_TRUE(answers && std::holds_alternative<delivery>(answers->at(0)));
  }
  std::size_t shown() {
    const std::vector<query> asked{list_deliveries{.limit = 100}};
    return std::get<delivery_page>(fixture.lane->read(asked).value().at(0)).items.size();
  }
};

TEST_F(notification_upkeep_test, a_retry_by_hand_is_sent_at_once_where_a_hint_tells_of_it) {
  start_warm();
  const entry_id failed = one_that_failed();
  retry(failed);
  fixture.run();
  EXPECT_EQ(fixture.store->times_delivered[failed], 0);
  fixture.tell(retries_due{fixture.stream.stream});
  fixture.run();
  EXPECT_EQ(fixture.store->times_delivered[failed], 1);
  EXPECT_EQ(fixture.result_of(failed).attempts, 2);
}

TEST_F(notification_upkeep_test, a_retry_by_another_process_is_sent_within_a_second) {
  start_warm();
  const entry_id failed = one_that_failed();
  retry(failed);
  fixture.pass(1050ms);
  EXPECT_EQ(fixture.store->times_delivered[failed], 1);
}

TEST_F(notification_upkeep_test, what_was_delivered_is_pruned_once_it_is_old_and_not_before) {
  fixture.options.delivery.retention = 1h;
  start_warm();
  const entry_id failed = one_that_failed();
  fixture.pay(10);
  fixture.run();
  EXPECT_EQ(shown(), 16u);
  fixture.pass(58min, 10s);
  EXPECT_EQ(shown(), 16u);
  fixture.pass(5min, 10s);
  EXPECT_EQ(shown(), 1u);
  EXPECT_EQ(fixture.counters->pruned, 15u);
  EXPECT_EQ(fixture.store->results[failed].status, delivery_status::failed);
  EXPECT_EQ(fixture.breaches(), 0);
}

TEST_F(notification_upkeep_test, pruning_pauses_between_its_steps) {
  fixture.options.delivery.retention = 1h;
  start_warm();
  for (int i = 0; i < 3; ++i) {
    fixture.pay(500);
    fixture.run();
  }
  fixture.pass(62min, 10s);
  std::uint64_t before = fixture.counters->pruned;
  EXPECT_GT(before, 0u);
  // The rest of the round goes 500 at a time, with 100 ms between.
  for (int i = 0; i < 40 && before < 1505; ++i) {
    fixture.pass(50ms);
    EXPECT_LE(fixture.counters->pruned - before, 500u);
    before = fixture.counters->pruned;
  }
  EXPECT_EQ(before, 1505u);
}

TEST_F(notification_upkeep_test, without_a_retention_all_is_kept) {
  start_warm();
  fixture.pass(2h, 1min);
  EXPECT_EQ(shown(), 5u);
}

} // namespace
} // namespace paymentd::actors::test
