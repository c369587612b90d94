// Goal: every command reaches its order's actor, whatever leaves memory meanwhile.
// Method: real order actors under the registry; the test plays the lane. The last test runs the
// actors in random order, so that a change of orders meets commands in flight in every way.
#include "actors/payment/order_registry.hpp"

#include "tests/actors/test_system.hpp"

#include <gtest/gtest.h>

#include <random>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;

class order_registry_test : public ::testing::Test {
 protected:
  void start(std::size_t idle_max, std::size_t resident_max = 100) {
    order_registry_options options;
    options.idle_max = idle_max;
    options.resident_max = resident_max;
    options.context = std::make_shared<const order_actor_context>(order_actor_context{
        .lanes = {lane.handle()}, .read_lanes = {reader.handle()}, .waiters_max = 1000});
    counters = options.counters;
    registry = on.system.spawn(order_registry, options);
  }
  void pay_order(std::int64_t id) {
    caf::anon_send(registry, submit{{++sent, asker.handle(), on.now() + 1h}, pay{{id}, {7}}});
  }
  /// Answers all that reached the lane.
  void settle_all(outcome with = refusal_of(refusal::insufficient_balance)) {
    for (const submit& each : lane.take<submit>())
      caf::anon_send(each.from.reply_to, settled{each.from.number, with});
  }

  void TearDown() override { on.end(registry); } // it and its order actors hold each other

  test_system on;
  inbox<submit> lane{on};
  inbox<look_up> reader{on};
  inbox<settled> asker{on};
  std::uint64_t sent = 0;
  std::shared_ptr<registry_counters> counters;
  caf::actor registry;
};

TEST_F(order_registry_test, commands_on_one_order_meet_in_one_actor) {
  start(10);
  pay_order(1);
  pay_order(1);
  pay_order(2);
  on.run();
  EXPECT_EQ(counters->resident, 2);
  EXPECT_EQ(lane.got<submit>().size(), 2u); // the second payment of order 1 waits
}

TEST_F(order_registry_test, the_longest_idle_actor_is_given_to_the_next_order) {
  start(1);
  for (std::int64_t id = 1; id <= 4; ++id) {
    pay_order(id);
    on.run();
    settle_all();
    on.run();
  }
  EXPECT_EQ(counters->resident, 2); // one more than may be idle, to work
  EXPECT_EQ(counters->reassigned, 2u);
  pay_order(1); // anew, in the actor that was order 3's
  on.run();
  EXPECT_EQ(lane.got<submit>().size(), 1u);
  EXPECT_EQ(counters->reassigned, 3u);
}

TEST_F(order_registry_test, a_busy_actor_stays_and_no_more_than_the_bound_are_resident) {
  start(1, 3);
  for (std::int64_t id = 1; id <= 4; ++id)
    pay_order(id);
  on.run();
  EXPECT_EQ(counters->resident, 3);
  ASSERT_EQ(asker.got<settled>().size(), 1u);
  EXPECT_EQ(asker.got<settled>()[0].reply, outcome_reply(std::unexpected(no_outcome::overloaded)));
  settle_all();
  on.run();
  EXPECT_EQ(asker.got<settled>().size(), 4u);
  pay_order(5); // at the bound, the longest idle gives way
  on.run();
  EXPECT_EQ(counters->resident, 3);
  EXPECT_EQ(lane.got<submit>().size(), 1u);
}

TEST_F(order_registry_test, an_actor_that_was_sent_another_command_is_not_given_away) {
  start(0);
  pay_order(1);
  on.run();
  settle_all();
  pay_order(1);
  pay_order(2);
  on.run();
  EXPECT_EQ(counters->resident, 2);
  EXPECT_EQ(counters->reassigned, 0u);
  settle_all();
  on.run();
  pay_order(3); // order 1 was used first
  on.run();
  EXPECT_EQ(counters->resident, 2);
  EXPECT_EQ(counters->reassigned, 1u);
  settle_all();
  on.run();
  EXPECT_EQ(asker.got<settled>().size(), 4u);
}

TEST_F(order_registry_test, an_idle_actor_behind_busy_ones_is_found) {
  start(0, 12);
  for (std::int64_t id = 1; id <= 12; ++id)
    pay_order(id);
  on.run();
  const submit last = lane.take<submit>().back();
  caf::anon_send(last.from.reply_to,
                 settled{last.from.number, refusal_of(refusal::insufficient_balance)});
  on.run();
  pay_order(13);
  on.run();
  EXPECT_EQ(counters->resident, 12);
  EXPECT_EQ(counters->reassigned, 1u);
  EXPECT_EQ(lane.got<submit>().size(), 1u);
}

TEST_F(order_registry_test, an_actor_that_died_of_an_error_is_forgotten_and_its_order_starts_anew) {
  start(10);
  pay_order(1);
  on.run();
  const caf::actor victim = lane.got<submit>().front().from.reply_to;
  caf::anon_send_exit(victim, caf::exit_reason::kill);
  on.run();
  EXPECT_EQ(counters->resident, 0);
  pay_order(1);
  on.run();
  EXPECT_EQ(counters->resident, 1);
  EXPECT_EQ(lane.got<submit>().size(), 2u);
}

TEST_F(order_registry_test, in_any_order_of_events_each_command_is_answered_exactly_once) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](std::size_t below) {
      return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
    };
    start(1 + pick(3));
    sent = 0;
    asker.got<settled>().clear();
    for (int step = 0; step < 600; ++step) {
      auto& jobs = on.coordinator().jobs;
      if (step < 300 && pick(3) == 0)
        pay_order(1 + static_cast<std::int64_t>(pick(6)));
      if (pick(4) == 0)
        settle_all();
      if (!jobs.empty()) {
        std::swap(jobs.front(), jobs[pick(jobs.size())]);
        on.coordinator().try_run_once();
      }
    }
    for (int i = 0; i < 400; ++i) {
      on.run();
      settle_all();
    }
    std::vector<bool> answered(sent + 1);
    for (const settled& each : asker.got<settled>()) {
      ASSERT_FALSE(answered.at(each.number)) << "twice: seed " << seed;
      answered[each.number] = true;
      ASSERT_TRUE(each.reply.has_value()) << "seed " << seed;
    }
    ASSERT_EQ(asker.got<settled>().size(), sent) << "seed " << seed;
    on.end(registry);
  }
}

} // namespace
} // namespace paymentd::actors
