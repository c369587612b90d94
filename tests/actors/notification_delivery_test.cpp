// Goal: what the notification actor does while all goes well: who is told, how fast, how often,
// within which bounds.
// Method: the real actor, supervisor, store worker and embedded store on CAF's deterministic
// scheduler; a provider that counts what it accepted. Time is the test's.
#include "actors/payment_success.hpp"
#include "tests/actors/delivery_fixture.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;

class notification_delivery_test : public testing::Test {
 public:
  std::vector<std::size_t> sizes_sent() const {
    std::vector<std::size_t> sizes;
    for (const auto& each : fixture.provider->sent)
      sizes.push_back(each.recipients.size());
    return sizes;
  }
  delivery_fixture fixture;
};

TEST_F(notification_delivery_test, a_payment_is_sent_once_and_stored_as_delivered) {
  fixture.start();
  const auto paid = fixture.pay(1);
  fixture.run();
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  const auto result = fixture.result_of(paid[0]);
  EXPECT_EQ(result.status, delivery_status::delivered);
  EXPECT_EQ(result.attempts, 1);
  EXPECT_EQ(result.provider_message_id, "m1");
  EXPECT_EQ(fixture.counters->delivered, 1u);
  EXPECT_EQ(fixture.counters->sent, 1u);
  EXPECT_EQ(fixture.counters->accepted, 1u);
  EXPECT_EQ(fixture.counters->in_flight, 0);
  const auto& recipient = fixture.provider->sent.at(0).recipients.at(0);
  const std::string instance = fixture.provider->sent.at(0).instance;
  EXPECT_EQ(instance.size(), 8u);
  EXPECT_EQ(recipient.delivery_id, "alimtalk-" + instance + "-" + std::to_string(paid[0].value));
  EXPECT_EQ(recipient.event.phone, "01012345678");
}

TEST_F(notification_delivery_test, a_message_has_the_trace_of_its_request_at_each_try) {
  trace_context trace;
  trace.id.fill(7);
  fixture.provider->hold_answers = true;
  fixture.start();
  const auto paid = fixture.pay(1, true, trace);
  fixture.run();
  ASSERT_EQ(fixture.provider->sent.size(), 1u);
  ASSERT_TRUE(fixture.kill()); // the next one reads the claim from the database
  fixture.provider->hold_answers = false;
  fixture.pass_until_delivered(paid, 60s);
  const auto untraced = fixture.pay(1);
  fixture.pass_until_delivered(untraced, 60s);
  ASSERT_GE(fixture.provider->sent.size(), 3u);
  for (const providers::call& each : fixture.provider->sent) {
    const payment_event& event = each.recipients.at(0).event;
    EXPECT_EQ(event.trace, event.entry == paid[0] ? trace : trace_context{});
  }
}

TEST_F(notification_delivery_test, payments_from_before_the_subscription_are_not_sent) {
  fixture.pay(3, false);
  fixture.start();
  fixture.pass(3s);
  EXPECT_EQ(fixture.provider->sent.size(), 0u);
}

TEST_F(notification_delivery_test, a_lost_hint_delays_a_message_by_the_poll_at_most) {
  fixture.start();
  const auto paid = fixture.pay(5, false);
  fixture.pass(1010ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, what_comes_within_the_linger_goes_in_one_call) {
  fixture.options.delivery.linger = 20ms;
  fixture.start();
  const auto first = fixture.pay(1);
  fixture.pass(100ms);
  const auto lone = fixture.pay(1);
  fixture.run();
  EXPECT_EQ(sizes_sent(), (std::vector<std::size_t>{1, 1})) << "a lone message leaves at once";
  const auto second = fixture.pay(1);
  fixture.run();
  const auto third = fixture.pay(1);
  fixture.run();
  EXPECT_EQ(sizes_sent().size(), 2u);
  fixture.pass(30ms);
  EXPECT_EQ(sizes_sent(), (std::vector<std::size_t>{1, 1, 2}));
  fixture.pass(100ms);
  for (const auto& each : {first, lone, second, third})
    EXPECT_EQ(fixture.result_of(each[0]).status, delivery_status::delivered);
}

TEST_F(notification_delivery_test, the_first_call_is_a_probe_and_the_next_ones_come_1_2_4) {
  fixture.options.delivery.in_flight_max = 4;
  fixture.options.delivery.messages_max = 10;
  fixture.provider->hold_answers = true;
  fixture.start();
  const auto paid = fixture.pay(200);
  fixture.run();
  EXPECT_EQ(sizes_sent(), (std::vector<std::size_t>{1})) << "the probe: one message, alone";
  fixture.pass(3s);
  EXPECT_EQ(sizes_sent().size(), 1u) << "nothing else until it has succeeded";
  fixture.provider->release();
  fixture.run();
  EXPECT_EQ(fixture.provider->waiting(), 2u);
  fixture.provider->release();
  fixture.run();
  EXPECT_EQ(fixture.provider->waiting(), 3u);
  fixture.provider->release();
  fixture.run();
  EXPECT_EQ(fixture.provider->waiting(), 4u);
  fixture.provider->release();
  fixture.run();
  EXPECT_EQ(fixture.provider->waiting(), 4u) << "no more than in_flight_max";
  EXPECT_EQ(sizes_sent().back(), 10u);
  EXPECT_EQ(fixture.open_claims(), 4u);
  fixture.provider->hold_answers = false;
  while (fixture.provider->waiting() > 0)
    fixture.provider->release();
  fixture.run();
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_delivery_test,
       a_first_call_that_hangs_keeps_no_others_waiting_where_it_is_so_set) {
  fixture.options.delivery.in_flight_max = 4;
  fixture.options.delivery.messages_max = 1;
  fixture.options.delivery.probe_spacing = 100ms;
  fixture.provider->hold_answers = true;
  fixture.start();
  const auto paid = fixture.pay(50);
  fixture.run();
  EXPECT_EQ(fixture.provider->waiting(), 1u) << "the probe";
  fixture.pass(200ms);
  EXPECT_EQ(fixture.provider->waiting(), 2u) << "one more, since it has no answer";
  fixture.pass(10s);
  EXPECT_EQ(fixture.provider->waiting(), 4u) << "no more than in_flight_max";
  while (fixture.provider->waiting() > 1) {
    fixture.provider->release(1);
    fixture.run();
  }
  EXPECT_EQ(fixture.counters->accepted, 49u) << "all but the first";
  fixture.provider->release();
  fixture.run();
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, answers_in_any_order_end_the_right_claims) {
  fixture.options.delivery.in_flight_max = 8;
  fixture.options.delivery.messages_max = 3;
  fixture.start();
  const auto first = fixture.pay(40);
  fixture.run();
  fixture.provider->hold_answers = true;
  const auto second = fixture.pay(24);
  fixture.run();
  ASSERT_EQ(fixture.provider->waiting(), 8u);
  for (const std::size_t each : {7u, 2u, 5u, 0u, 3u, 1u, 0u, 0u}) {
    fixture.provider->release(each);
    fixture.run();
  }
  EXPECT_TRUE(fixture.all_delivered_once(first));
  EXPECT_TRUE(fixture.all_delivered_once(second));
}

TEST_F(notification_delivery_test, what_comes_during_a_step_goes_in_one_claim) {
  fixture.start();
  const auto probe = fixture.pay(1);
  fixture.run();
  const auto calls = fixture.provider->sent.size();
  std::vector<entry_id> paid;
  for (int i = 0; i < 10; ++i) // ten batches are committed before the actor runs
    for (const entry_id each : fixture.pay(5))
      paid.push_back(each);
  fixture.run();
  EXPECT_EQ(fixture.provider->sent.size(), calls + 1);
  EXPECT_EQ(fixture.provider->sent.back().recipients.size(), 50u);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, an_idle_actor_opens_nothing_and_calls_nobody) {
  fixture.start();
  const auto paid = fixture.pay(1);
  fixture.run();
  fixture.pass(1min, 100ms);
  EXPECT_EQ(fixture.provider->sent.size(), 1u);
  EXPECT_LE(fixture.store->steps.size(), 64u) << "one step a poll";
}

TEST_F(notification_delivery_test, no_more_than_so_many_messages_a_second_are_sent) {
  fixture.options.delivery.messages_per_second_max = 20;
  fixture.start();
  const auto paid = fixture.pay(101);
  fixture.pass(10s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  const auto& at = fixture.provider->sent_at;
  for (std::size_t from = 0; from < at.size(); ++from) {
    std::size_t messages = 0;
    for (std::size_t i = from; i < at.size() && at[i] - at[from] < 1s; ++i)
      messages += fixture.provider->sent[i].recipients.size();
    EXPECT_LE(messages, 21u) << "in the second from call "
                             << from; // the probe and a second's worth
  }
}

TEST_F(notification_delivery_test,
       a_stream_whose_lease_is_over_is_not_sent_for_until_it_is_renewed) {
  fixture.start();
  fixture.pay(1);
  fixture.run();
  const steady_instant now = fixture.on.coordinator().clock().now();
  fixture.tell(stream_held{fixture.stream, now + 5s});
  fixture.run();
  fixture.pass(4s);
  const auto in_time = fixture.pay(2);
  fixture.run();
  EXPECT_TRUE(fixture.all_delivered_once(in_time));
  fixture.pass(1s);
  const auto late = fixture.pay(2);
  fixture.pass(3s);
  EXPECT_EQ(fixture.provider->times_accepted(late[0]), 0);
  EXPECT_EQ(fixture.open_claims(), 0u) << "nothing is claimed either";
  fixture.tell(stream_held{fixture.stream, fixture.on.coordinator().clock().now() + 5s});
  fixture.run();
  EXPECT_TRUE(fixture.all_delivered_once(late));
}

TEST_F(notification_delivery_test,
       a_lost_streams_claims_are_dropped_and_repeated_by_its_next_owner) {
  fixture.start();
  fixture.pay(1);
  fixture.run();
  fixture.provider->hold_answers = true;
  const auto paid = fixture.pay(3);
  fixture.run();
  ASSERT_EQ(fixture.provider->waiting(), 1u);
  fixture.tell(stream_lost{fixture.stream});
  fixture.run();
  fixture.provider->release();
  fixture.run();
  EXPECT_EQ(fixture.open_claims(), 1u) << "what became of it is not stored by who lost it";
  fixture.provider->hold_answers = false;
  fixture.tell(stream_held{fixture.stream});
  fixture.pass(1s);
  EXPECT_TRUE(fixture.all_delivered_once(paid)) << "the repeat was seen, and found";
  EXPECT_EQ(fixture.provider->searched.size(), 1u);
}

TEST_F(notification_delivery_test, a_fenced_step_drops_the_stream_and_others_go_on) {
  fixture.start();
  fixture.pay(1);
  fixture.run();
  fixture.provider->hold_answers = true;
  const auto paid = fixture.pay(2);
  fixture.run();
  fixture.stream =
      fixture.lane->take_stream(fixture.on.time()).value(); // the old one is nobody's now
  fixture.tell(stream_held{fixture.stream});
  fixture.run();
  fixture.provider->hold_answers = false;
  fixture.provider->release();
  fixture.pass(2s);
  const auto others = fixture.pay(4);
  fixture.run();
  for (const entry_id each : others)
    EXPECT_EQ(fixture.store->times_delivered[each], 1);
  // Adopted, it is delivered to its end.
  const std::vector<std::string> names{"alimtalk"};
  const auto leases = fixture.store->lease_deliveries(names, {}, 4, fixture.on.time());
  ASSERT_TRUE(leases.has_value());
  for (const auto& each : *leases)
    fixture.tell(stream_held{each.stream});
  fixture.pass(2s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, a_new_epoch_loses_nothing_that_is_under_way) {
  fixture.start();
  fixture.pay(1);
  fixture.run();
  fixture.provider->hold_answers = true;
  const auto paid = fixture.pay(3);
  fixture.run();
  ASSERT_EQ(fixture.provider->waiting(), 1u);
  ASSERT_TRUE(fixture.lane->resolve(fixture.on.time()).has_value());
  fixture.stream = fixture.lane->lease();
  fixture.tell(stream_held{fixture.stream});
  fixture.run();
  fixture.provider->hold_answers = false;
  fixture.provider->release();
  fixture.pass(2s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.provider->sent.size(), 2u);
}

TEST_F(notification_delivery_test, a_step_under_an_ended_epoch_throws_no_call_away) {
  fixture.start();
  fixture.pay(1);
  fixture.run();
  fixture.provider->hold_answers = true;
  auto paid = fixture.pay(3);
  fixture.run();
  ASSERT_EQ(fixture.provider->waiting(), 1u);
  // The lane begins an epoch, and before it can say so a step is asked under the ended one.
  ASSERT_TRUE(fixture.lane->resolve(fixture.on.time()).has_value());
  fixture.tell(payment_success{fixture.stream, paid.back()});
  fixture.run();
  fixture.provider->hold_answers = false;
  fixture.provider->release();
  fixture.run();
  fixture.stream = fixture.lane->lease();
  fixture.tell(stream_held{fixture.stream});
  fixture.run();
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.provider->sent.size(), 2u) << "sent again";
  EXPECT_TRUE(fixture.provider->searched.empty());
}

TEST_F(notification_delivery_test, a_wall_clock_that_is_set_back_delays_no_message) {
  fixture.options.delivery.linger = 20ms;
  fixture.start();
  auto paid = fixture.pay(1);
  fixture.pass(100ms);
  fixture.on.set_by = -1h;
  paid.push_back(fixture.pay(1).back());
  fixture.pass(100ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_delivery_test,
       what_is_under_way_is_stored_before_the_end_when_asked_to_finish) {
  fixture.start();
  fixture.pay(1);
  fixture.run();
  fixture.provider->hold_answers = true;
  const auto paid = fixture.pay(3);
  fixture.run();
  bool finished = false;
  auto asker = fixture.on.system.spawn([&](caf::event_based_actor* self) {
    self->request(fixture.supervisor, caf::infinite, finish_deliveries{})
        .then([&](const deliveries_finished&) { finished = true; });
  });
  fixture.run();
  fixture.pay(1);
  fixture.run();
  EXPECT_FALSE(finished);
  EXPECT_EQ(fixture.provider->waiting(), 1u) << "nothing new is begun";
  fixture.provider->release();
  fixture.run();
  EXPECT_TRUE(finished);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_delivery_test, finishing_does_not_wait_for_ever) {
  fixture.start();
  fixture.provider->hold_answers = true;
  fixture.pay(3);
  fixture.run();
  bool finished = false;
  auto asker = fixture.on.system.spawn([&](caf::event_based_actor* self) {
    self->request(fixture.supervisor, caf::infinite, finish_deliveries{})
        .then([&](const deliveries_finished&) { finished = true; });
  });
  fixture.pass(4900ms);
  EXPECT_FALSE(finished);
  fixture.pass(200ms);
  EXPECT_TRUE(finished);
}

} // namespace
} // namespace paymentd::actors::test
