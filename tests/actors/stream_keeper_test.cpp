// Goal: each subscriber is told of the streams that it holds, those that the lanes write at once,
// and of what is lost. Method: the test plays the store worker and the lanes by hand, on a clock
// that it moves.
#include "actors/delivery/notification_actor.hpp"
#include "actors/delivery/stream_keeper.hpp"

#include "tests/actors/played_worker.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;

const stream_lease second{{2}, 7};
const stream_lease third{{3}, 1};
using leases = std::vector<delivery_lease>;

class stream_keeper_test : public ::testing::Test {
 protected:
  void SetUp() override { on.run(); }
  void TearDown() override { on.end(keeper); }
  void answer(db::result<leases> with) { store.answer(keeper, std::move(with)); }
  void lane_writes(stream_lease stream) {
    caf::anon_send(keeper, stream_written{stream});
    on.run();
  }

  test_system on;
  played_worker store{on};
  inbox<stream_held, stream_lost> alimtalk{on};
  inbox<stream_held, stream_lost> shop{on};
  caf::actor keeper = on.system.spawn(
      stream_keeper, stream_keeper_options{.store = store.as<db::delivery_store>(),
                                           .supervisors = {{"alimtalk", alimtalk.handle()},
                                                           {"webhook-shop", shop.handle()}},
                                           .lease = 15s,
                                           .interval = 2s,
                                           .soon = 50ms,
                                           .leases_max = 4});
};

TEST_F(stream_keeper_test, what_is_leased_is_told_to_its_subscriber_and_renewed_at_each_look) {
  const auto questions = store.take<asked::lease_deliveries>();
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].subscribers, (std::vector<std::string>{"alimtalk", "webhook-shop"}));
  EXPECT_TRUE(questions[0].written.empty());
  const steady_instant then = on.now();
  on.advance(1s);
  answer(leases{{"alimtalk", second}});
  auto held = alimtalk.take<stream_held>();
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].stream, second);
  EXPECT_EQ(held[0].lease_until, then + 12s); // counted from the question, with a part to spare
  EXPECT_TRUE(shop.got<stream_held>().empty());
  on.advance(2s);
  ASSERT_EQ(store.take<asked::lease_deliveries>().size(), 1u);
  answer(leases{{"alimtalk", second}, {"webhook-shop", third}});
  EXPECT_EQ(alimtalk.take<stream_held>().size(), 1u);
  EXPECT_EQ(shop.take<stream_held>().size(), 1u);
  EXPECT_TRUE(alimtalk.got<stream_lost>().empty());
}

TEST_F(stream_keeper_test, each_provider_of_a_subscriber_is_told_and_the_store_is_asked_once) {
  inbox<stream_held, stream_lost> next{on};
  played_worker its_store{on};
  const auto one = on.system.spawn(
      stream_keeper, stream_keeper_options{.store = its_store.as<db::delivery_store>(),
                                           .supervisors = {{"alimtalk", alimtalk.handle()},
                                                           {"alimtalk", next.handle()}},
                                           .lease = 15s,
                                           .interval = 2s,
                                           .soon = 50ms});
  on.run();
  const auto questions = its_store.take<asked::lease_deliveries>();
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].subscribers, std::vector<std::string>{"alimtalk"});
  its_store.answer(one, db::result<leases>(leases{{"alimtalk", second}}));
  EXPECT_EQ(alimtalk.take<stream_held>().size(), 1u);
  EXPECT_EQ(next.take<stream_held>().size(), 1u);
  on.end(one);
}

TEST_F(stream_keeper_test, what_is_no_longer_held_is_told_as_lost) {
  answer(leases{{"alimtalk", second}, {"alimtalk", third}, {"webhook-shop", second}});
  on.advance(2s);
  answer(leases{{"alimtalk", third}, {"webhook-shop", second}});
  ASSERT_EQ(alimtalk.got<stream_lost>().size(), 1u);
  EXPECT_EQ(alimtalk.got<stream_lost>()[0].stream, second);
  EXPECT_TRUE(shop.got<stream_lost>().empty());
}

TEST_F(stream_keeper_test, a_stream_that_a_lane_writes_is_leased_at_once) {
  answer(leases{});
  store.take<asked::lease_deliveries>();
  lane_writes(second);
  const auto questions = store.take<asked::lease_deliveries>();
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].written, std::vector{second.stream});
  lane_writes(third); // while the store is asked
  EXPECT_TRUE(store.got<asked::lease_deliveries>().empty());
  answer(leases{});
  ASSERT_EQ(store.got<asked::lease_deliveries>().size(), 1u);
  EXPECT_EQ(store.got<asked::lease_deliveries>()[0].written,
            (std::vector{second.stream, third.stream}));
}

TEST_F(stream_keeper_test, until_all_that_lanes_write_is_held_it_looks_often) {
  answer(leases{});
  lane_writes(second);
  store.take<asked::lease_deliveries>();
  answer(leases{{"alimtalk", second}}); // the shop is not registered yet
  on.advance(50ms);
  EXPECT_EQ(store.take<asked::lease_deliveries>().size(), 1u);
  answer(leases{{"alimtalk", second}});
  on.advance(99ms);
  EXPECT_TRUE(store.got<asked::lease_deliveries>().empty());
  on.advance(1ms);
  EXPECT_EQ(store.take<asked::lease_deliveries>().size(), 1u);
  answer(leases{{"alimtalk", second}, {"webhook-shop", second}});
  on.advance(1999ms);
  EXPECT_TRUE(store.got<asked::lease_deliveries>().empty());
  on.advance(1ms);
  EXPECT_EQ(store.got<asked::lease_deliveries>().size(), 1u);
}

TEST_F(stream_keeper_test, a_stream_that_a_lane_left_is_no_longer_asked_for) {
  answer(leases{});
  lane_writes(second);
  answer(leases{{"alimtalk", second}, {"webhook-shop", second}});
  store.take<asked::lease_deliveries>();
  caf::anon_send(keeper, stream_left{second});
  on.run();
  ASSERT_EQ(store.got<asked::lease_deliveries>().size(), 1u);
  EXPECT_TRUE(store.got<asked::lease_deliveries>()[0].written.empty());
}

TEST_F(stream_keeper_test, a_database_that_is_away_changes_nothing_and_is_asked_again) {
  answer(leases{{"alimtalk", second}});
  on.advance(2s);
  alimtalk.take<stream_held>();
  store.take<asked::lease_deliveries>();
  answer(std::unexpected(db::error{db::error_kind::unavailable, "away"}));
  EXPECT_TRUE(alimtalk.got<stream_held>().empty()); // the lease runs on, unrenewed
  EXPECT_TRUE(alimtalk.got<stream_lost>().empty());
  on.advance(2s);
  EXPECT_EQ(store.take<asked::lease_deliveries>().size(), 1u);
}

TEST_F(stream_keeper_test, a_subscriber_that_begins_is_told_at_once_and_one_that_ended_is_not) {
  answer(leases{{"alimtalk", second}});
  store.take<asked::lease_deliveries>();
  inbox<stream_held, stream_lost> books{on};
  caf::anon_send(keeper, subscriber_begun{"webhook-books", books.handle()});
  on.run();
  const auto questions = store.take<asked::lease_deliveries>();
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].subscribers,
            (std::vector<std::string>{"alimtalk", "webhook-books", "webhook-shop"}));
  answer(leases{{"alimtalk", second}, {"webhook-books", second}});
  EXPECT_EQ(books.take<stream_held>().size(), 1u);
  caf::anon_send(keeper, subscriber_ended{"webhook-books", books.handle()});
  on.run();
  on.advance(2s);
  EXPECT_EQ(store.take<asked::lease_deliveries>().at(0).subscribers,
            (std::vector<std::string>{"alimtalk", "webhook-shop"}));
  answer(leases{{"alimtalk", second}});
  EXPECT_TRUE(books.got<stream_held>().empty());
  EXPECT_TRUE(books.got<stream_lost>().empty());
}

} // namespace
} // namespace paymentd::actors
