// Goal: webhooks leave the database to payments while many commands wait for it, take turns then,
// and are not held up otherwise.
// Method: the pace by itself; and the notification actor with one, on the real store.
#include "actors/delivery/step_pace.hpp"

#include "tests/actors/delivery_fixture.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;

class step_pace_test : public testing::Test {
 public:
  const std::shared_ptr<lane_counters> lanes = std::make_shared<lane_counters>();
  const steady_instant start{1h};
  step_pace pace{lanes, {.many_commands = 10, .between = 50ms, .wait_max = 1s}};
};

TEST_F(step_pace_test, with_few_commands_each_step_leaves_at_once) {
  lanes->open = 9;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(pace.next_turn(start), start);
}

TEST_F(step_pace_test, with_many_commands_each_asker_has_a_turn_of_its_own) {
  lanes->open = 10;
  EXPECT_EQ(pace.next_turn(start), start);
  EXPECT_EQ(pace.next_turn(start), start + 50ms);
  EXPECT_EQ(pace.next_turn(start + 20ms), start + 100ms);
  EXPECT_EQ(pace.next_turn(start + 1h), start + 1h) << "turns that nobody took are over";
}

TEST_F(step_pace_test, the_last_of_many_waits_no_longer_than_it_may) {
  lanes->open = 10;
  for (int i = 0; i < 100; ++i)
    EXPECT_LE(pace.next_turn(start), start + 1s);
}

TEST_F(step_pace_test, nobody_waits_any_more_once_the_commands_are_answered) {
  lanes->open = 10;
  pace.next_turn(start);
  pace.next_turn(start);
  lanes->open = 0;
  EXPECT_EQ(pace.next_turn(start), start);
}

std::shared_ptr<step_pace> pace_under_load(std::chrono::milliseconds between) {
  const auto lanes = std::make_shared<lane_counters>();
  lanes->open = 1000;
  return std::make_shared<step_pace>(lanes, step_pace_options{.between = between});
}

TEST(paced_delivery, events_wait_for_their_turn_and_go_in_one_step) {
  delivery_fixture fixture;
  fixture.options.delivery.pace = pace_under_load(50ms);
  fixture.start();
  auto paid = fixture.pay(1);
  fixture.pass(1s); // the probe, and what follows a start
  ASSERT_TRUE(fixture.all_delivered_once(paid));
  paid.push_back(fixture.pay(1).front()); // leaves at once, and takes the turn
  fixture.run();
  const std::size_t steps = fixture.store->steps.size();
  for (int i = 0; i < 4; ++i) {
    paid.push_back(fixture.pay(1).front());
    fixture.run();
  }
  EXPECT_LE(fixture.store->steps.size(), steps + 1) << "of four batches that were paid";
  fixture.pass(500ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST(paced_delivery, results_are_stored_at_once_before_the_end) {
  delivery_fixture fixture;
  fixture.options.delivery.pace = pace_under_load(200ms);
  fixture.start();
  fixture.pay(1);
  fixture.pass(5500ms); // between two looks for work
  fixture.provider->hold_answers = true;
  for (int i = 0; i < 3; ++i)
    fixture.options.delivery.pace->next_turn(fixture.on.now()); // others have them
  const auto paid = fixture.pay(1);
  fixture.run();
  ASSERT_EQ(fixture.provider->waiting(), 1u);
  bool finished = false;
  auto asker = fixture.on.system.spawn([&](caf::event_based_actor* self) {
    self->request(fixture.supervisor, caf::infinite, finish_deliveries{})
        .then([&](const deliveries_finished&) { finished = true; });
  });
  fixture.run();
  fixture.provider->release();
  fixture.run();
  EXPECT_TRUE(finished);
  EXPECT_EQ(fixture.result_of(paid[0]).status, delivery_status::delivered);
}

TEST(paced_delivery, without_many_commands_nothing_waits) {
  delivery_fixture fixture;
  fixture.options.delivery.pace =
      std::make_shared<step_pace>(std::make_shared<lane_counters>(), step_pace_options{});
  fixture.start();
  fixture.pay(1);
  fixture.run();
  const auto paid = fixture.pay(1);
  fixture.run();
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

} // namespace
} // namespace paymentd::actors::test
