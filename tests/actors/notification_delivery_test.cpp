// Goal: what the notification actor does while all goes well: who is told, how fast, how often,
// within which bounds.
// Method: the real actor, supervisor, store worker and embedded store on CAF's deterministic
// scheduler; a provider that counts what it accepted. Time is the test's.
#include "delivery_stage.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;

class notification_delivery_test : public testing::Test {
 public:
  std::vector<std::size_t> sizes_sent() const {
    std::vector<std::size_t> sizes;
    for (const auto& each : stage.provider->sent)
      sizes.push_back(each.recipients.size());
    return sizes;
  }
  delivery_stage stage;
};

TEST_F(notification_delivery_test, a_payment_is_sent_once_and_stored_as_delivered) {
  stage.start();
  const auto paid = stage.pay(1);
  stage.run();
  EXPECT_TRUE(stage.all_delivered_once(paid));
  const auto result = stage.result_of(paid[0]);
  EXPECT_EQ(result.status, delivery_status::delivered);
  EXPECT_EQ(result.attempts, 1);
  EXPECT_EQ(result.provider_message_id, "m1");
  EXPECT_EQ(stage.counters->delivered, 1u);
  EXPECT_EQ(stage.counters->sent, 1u);
  EXPECT_EQ(stage.counters->accepted, 1u);
  EXPECT_EQ(stage.counters->in_flight, 0);
  const auto& recipient = stage.provider->sent.at(0).recipients.at(0);
  const std::string instance = stage.provider->sent.at(0).instance;
  EXPECT_EQ(instance.size(), 8u);
  EXPECT_EQ(recipient.delivery_id, "alimtalk-" + instance + "-" + std::to_string(paid[0].value));
  EXPECT_EQ(recipient.event.phone, "01012345678");
}

TEST_F(notification_delivery_test, payments_from_before_the_subscription_are_not_sent) {
  stage.pay(3, false);
  stage.start();
  stage.pass(3s);
  EXPECT_EQ(stage.provider->sent.size(), 0u);
}

TEST_F(notification_delivery_test, a_lost_hint_delays_a_message_by_the_poll_at_most) {
  stage.start();
  const auto paid = stage.pay(5, false);
  stage.pass(1010ms);
  EXPECT_TRUE(stage.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, what_comes_within_the_linger_goes_in_one_call) {
  stage.options.delivery.linger = 20ms;
  stage.start();
  const auto first = stage.pay(1);
  stage.pass(100ms);
  const auto lone = stage.pay(1);
  stage.run();
  EXPECT_EQ(sizes_sent(), (std::vector<std::size_t>{1, 1})) << "a lone message leaves at once";
  const auto second = stage.pay(1);
  stage.run();
  const auto third = stage.pay(1);
  stage.run();
  EXPECT_EQ(sizes_sent().size(), 2u);
  stage.pass(30ms);
  EXPECT_EQ(sizes_sent(), (std::vector<std::size_t>{1, 1, 2}));
  stage.pass(100ms);
  for (const auto& each : {first, lone, second, third})
    EXPECT_EQ(stage.result_of(each[0]).status, delivery_status::delivered);
}

TEST_F(notification_delivery_test, the_first_call_is_a_probe_and_the_next_ones_come_1_2_4) {
  stage.options.delivery.in_flight_max = 4;
  stage.options.delivery.messages_max = 10;
  stage.provider->hold_answers = true;
  stage.start();
  const auto paid = stage.pay(200);
  stage.run();
  EXPECT_EQ(sizes_sent(), (std::vector<std::size_t>{1})) << "the probe: one message, alone";
  stage.pass(3s);
  EXPECT_EQ(sizes_sent().size(), 1u) << "nothing else until it has succeeded";
  stage.provider->release();
  stage.run();
  EXPECT_EQ(stage.provider->waiting(), 2u);
  stage.provider->release();
  stage.run();
  EXPECT_EQ(stage.provider->waiting(), 3u);
  stage.provider->release();
  stage.run();
  EXPECT_EQ(stage.provider->waiting(), 4u);
  stage.provider->release();
  stage.run();
  EXPECT_EQ(stage.provider->waiting(), 4u) << "no more than in_flight_max";
  EXPECT_EQ(sizes_sent().back(), 10u);
  EXPECT_EQ(stage.open_claims(), 4u);
  stage.provider->hold_answers = false;
  while (stage.provider->waiting() > 0)
    stage.provider->release();
  stage.run();
  EXPECT_TRUE(stage.all_delivered_once(paid));
}

TEST_F(notification_delivery_test,
       a_first_call_that_hangs_keeps_no_others_waiting_where_it_is_so_set) {
  stage.options.delivery.in_flight_max = 4;
  stage.options.delivery.messages_max = 1;
  stage.options.delivery.probe_spacing = 100ms;
  stage.provider->hold_answers = true;
  stage.start();
  const auto paid = stage.pay(50);
  stage.run();
  EXPECT_EQ(stage.provider->waiting(), 1u) << "the probe";
  stage.pass(200ms);
  EXPECT_EQ(stage.provider->waiting(), 2u) << "one more, since it has no answer";
  stage.pass(10s);
  EXPECT_EQ(stage.provider->waiting(), 4u) << "no more than in_flight_max";
  while (stage.provider->waiting() > 1) {
    stage.provider->release(1);
    stage.run();
  }
  EXPECT_EQ(stage.counters->accepted, 49u) << "all but the first";
  stage.provider->release();
  stage.run();
  EXPECT_TRUE(stage.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, answers_in_any_order_end_the_right_claims) {
  stage.options.delivery.in_flight_max = 8;
  stage.options.delivery.messages_max = 3;
  stage.start();
  const auto first = stage.pay(40);
  stage.run();
  stage.provider->hold_answers = true;
  const auto second = stage.pay(24);
  stage.run();
  ASSERT_EQ(stage.provider->waiting(), 8u);
  for (const std::size_t each : {7u, 2u, 5u, 0u, 3u, 1u, 0u, 0u}) {
    stage.provider->release(each);
    stage.run();
  }
  EXPECT_TRUE(stage.all_delivered_once(first));
  EXPECT_TRUE(stage.all_delivered_once(second));
}

TEST_F(notification_delivery_test, what_comes_during_a_step_goes_in_one_claim) {
  stage.start();
  const auto probe = stage.pay(1);
  stage.run();
  const auto calls = stage.provider->sent.size();
  std::vector<entry_id> paid;
  for (int i = 0; i < 10; ++i) // ten batches are committed before the actor runs
    for (const entry_id each : stage.pay(5))
      paid.push_back(each);
  stage.run();
  EXPECT_EQ(stage.provider->sent.size(), calls + 1);
  EXPECT_EQ(stage.provider->sent.back().recipients.size(), 50u);
  EXPECT_TRUE(stage.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, an_idle_actor_opens_nothing_and_calls_nobody) {
  stage.start();
  const auto paid = stage.pay(1);
  stage.run();
  stage.pass(1min, 100ms);
  EXPECT_EQ(stage.provider->sent.size(), 1u);
  EXPECT_LE(stage.store->steps.size(), 64u) << "one step a poll";
}

TEST_F(notification_delivery_test, no_more_than_so_many_messages_a_second_are_sent) {
  stage.options.delivery.messages_per_second_max = 20;
  stage.start();
  const auto paid = stage.pay(101);
  stage.pass(10s);
  EXPECT_TRUE(stage.all_delivered_once(paid));
  const auto& at = stage.provider->sent_at;
  for (std::size_t from = 0; from < at.size(); ++from) {
    std::size_t messages = 0;
    for (std::size_t i = from; i < at.size() && at[i] - at[from] < 1s; ++i)
      messages += stage.provider->sent[i].recipients.size();
    EXPECT_LE(messages, 21u) << "in the second from call "
                             << from; // the probe and a second's worth
  }
}

TEST_F(notification_delivery_test,
       a_stream_whose_lease_is_over_is_not_sent_for_until_it_is_renewed) {
  stage.start();
  stage.pay(1);
  stage.run();
  const steady_instant now = stage.on.coordinator().clock().now();
  stage.tell(stream_held{stage.stream, now + 5s});
  stage.run();
  stage.pass(4s);
  const auto in_time = stage.pay(2);
  stage.run();
  EXPECT_TRUE(stage.all_delivered_once(in_time));
  stage.pass(1s);
  const auto late = stage.pay(2);
  stage.pass(3s);
  EXPECT_EQ(stage.provider->times_accepted(late[0]), 0);
  EXPECT_EQ(stage.open_claims(), 0u) << "nothing is claimed either";
  stage.tell(stream_held{stage.stream, stage.on.coordinator().clock().now() + 5s});
  stage.run();
  EXPECT_TRUE(stage.all_delivered_once(late));
}

TEST_F(notification_delivery_test,
       a_lost_streams_claims_are_dropped_and_repeated_by_its_next_owner) {
  stage.start();
  stage.pay(1);
  stage.run();
  stage.provider->hold_answers = true;
  const auto paid = stage.pay(3);
  stage.run();
  ASSERT_EQ(stage.provider->waiting(), 1u);
  stage.tell(stream_lost{stage.stream});
  stage.run();
  stage.provider->release();
  stage.run();
  EXPECT_EQ(stage.open_claims(), 1u) << "what became of it is not stored by who lost it";
  stage.provider->hold_answers = false;
  stage.tell(stream_held{stage.stream});
  stage.pass(1s);
  EXPECT_TRUE(stage.all_delivered_once(paid)) << "the repeat was seen, and found";
  EXPECT_EQ(stage.provider->searched.size(), 1u);
}

TEST_F(notification_delivery_test, a_fenced_step_drops_the_stream_and_others_go_on) {
  stage.start();
  stage.pay(1);
  stage.run();
  stage.provider->hold_answers = true;
  const auto paid = stage.pay(2);
  stage.run();
  stage.stream = stage.lane->take_stream(stage.on.time()).value(); // the old one is nobody's now
  stage.tell(stream_held{stage.stream});
  stage.run();
  stage.provider->hold_answers = false;
  stage.provider->release();
  stage.pass(2s);
  const auto others = stage.pay(4);
  stage.run();
  for (const entry_id each : others)
    EXPECT_EQ(stage.store->times_delivered[each], 1);
  // Adopted, it is delivered to its end.
  const std::vector<std::string> names{"alimtalk"};
  const auto leases = stage.store->lease_deliveries(names, {}, 4, stage.on.time());
  ASSERT_TRUE(leases.has_value());
  for (const auto& each : *leases)
    stage.tell(stream_held{each.stream});
  stage.pass(2s);
  EXPECT_TRUE(stage.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, a_new_epoch_loses_nothing_that_is_under_way) {
  stage.start();
  stage.pay(1);
  stage.run();
  stage.provider->hold_answers = true;
  const auto paid = stage.pay(3);
  stage.run();
  ASSERT_EQ(stage.provider->waiting(), 1u);
  ASSERT_TRUE(stage.lane->resolve(stage.on.time()).has_value());
  stage.stream = stage.lane->lease();
  stage.tell(stream_held{stage.stream});
  stage.run();
  stage.provider->hold_answers = false;
  stage.provider->release();
  stage.pass(2s);
  EXPECT_TRUE(stage.all_delivered_once(paid));
  EXPECT_EQ(stage.provider->sent.size(), 2u);
}

TEST_F(notification_delivery_test, a_step_under_an_ended_epoch_throws_no_call_away) {
  stage.start();
  stage.pay(1);
  stage.run();
  stage.provider->hold_answers = true;
  auto paid = stage.pay(3);
  stage.run();
  ASSERT_EQ(stage.provider->waiting(), 1u);
  // The lane begins an epoch, and before it can say so a step is asked under the ended one.
  ASSERT_TRUE(stage.lane->resolve(stage.on.time()).has_value());
  stage.tell(payment_success{stage.stream, paid.back()});
  stage.run();
  stage.provider->hold_answers = false;
  stage.provider->release();
  stage.run();
  stage.stream = stage.lane->lease();
  stage.tell(stream_held{stage.stream});
  stage.run();
  EXPECT_TRUE(stage.all_delivered_once(paid));
  EXPECT_EQ(stage.provider->sent.size(), 2u) << "sent again";
  EXPECT_TRUE(stage.provider->searched.empty());
}

TEST_F(notification_delivery_test, a_wall_clock_that_is_set_back_delays_no_message) {
  stage.options.delivery.linger = 20ms;
  stage.start();
  auto paid = stage.pay(1);
  stage.pass(100ms);
  stage.on.set_by = -1h;
  paid.push_back(stage.pay(1).back());
  stage.pass(100ms);
  EXPECT_TRUE(stage.all_delivered_once(paid));
}

TEST_F(notification_delivery_test,
       what_is_under_way_is_stored_before_the_end_when_asked_to_finish) {
  stage.start();
  stage.pay(1);
  stage.run();
  stage.provider->hold_answers = true;
  const auto paid = stage.pay(3);
  stage.run();
  bool finished = false;
  auto asker = stage.on.system.spawn([&](caf::event_based_actor* self) {
    self->request(stage.supervisor, caf::infinite, finish_deliveries{})
        .then([&](const deliveries_finished&) { finished = true; });
  });
  stage.run();
  stage.pay(1);
  stage.run();
  EXPECT_FALSE(finished);
  EXPECT_EQ(stage.provider->waiting(), 1u) << "nothing new is begun";
  stage.provider->release();
  stage.run();
  EXPECT_TRUE(finished);
  EXPECT_TRUE(stage.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, finishing_does_not_wait_for_ever) {
  stage.start();
  stage.provider->hold_answers = true;
  stage.pay(3);
  stage.run();
  bool finished = false;
  auto asker = stage.on.system.spawn([&](caf::event_based_actor* self) {
    self->request(stage.supervisor, caf::infinite, finish_deliveries{})
        .then([&](const deliveries_finished&) { finished = true; });
  });
  stage.pass(4900ms);
  EXPECT_FALSE(finished);
  stage.pass(200ms);
  EXPECT_TRUE(finished);
}

} // namespace
} // namespace paymentd::actors::test
