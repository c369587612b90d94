// Goal: a dead process's streams are adopted, renewed and given up, and the subscribers hear of it.
// Method: the test plays the store worker by hand, on a clock that it moves.
#include "actors/stream_keeper.hpp"

#include "tests/actors/stage.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;

const db::stream_lease second{{2}, 7};
const db::stream_lease third{{3}, 1};

class stream_keeper_test : public ::testing::Test {
 protected:
  void SetUp() override { on.run(); }
  void TearDown() override { on.end(keeper); }
  void answer(db::result<std::vector<db::stream_lease>> with) {
    caf::anon_send(keeper, adopted{std::move(with)});
    on.run();
  }

  stage on;
  inbox<do_adopt> store{on};
  inbox<stream_held, stream_lost> subscriber{on};
  caf::actor keeper =
      on.system.spawn(stream_keeper, stream_keeper_options{.store = store.handle(),
                                                           .subscribers = {subscriber.handle()},
                                                           .lease = 15s,
                                                           .interval = 2s,
                                                           .streams_max = 4});
};

TEST_F(stream_keeper_test, what_it_adopts_is_told_and_renewed_at_each_look) {
  ASSERT_EQ(store.got<do_adopt>().size(), 1u);
  EXPECT_TRUE(store.take<do_adopt>()[0].held.empty());
  const steady_instant asked = on.now();
  on.advance(1s);
  answer(std::vector{second});
  auto held = subscriber.take<stream_held>();
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].stream, second);
  EXPECT_EQ(held[0].held_until, asked + 12s); // counted from the question, with a part to spare
  on.advance(2s);
  ASSERT_EQ(store.got<do_adopt>().size(), 1u);
  EXPECT_EQ(store.take<do_adopt>()[0].held, std::vector{second});
  answer(std::vector{second, third});
  EXPECT_EQ(subscriber.take<stream_held>().size(), 2u);
  EXPECT_TRUE(subscriber.got<stream_lost>().empty());
}

TEST_F(stream_keeper_test, what_is_no_longer_held_is_told_as_lost) {
  answer(std::vector{second, third});
  on.advance(2s);
  answer(std::vector{third});
  ASSERT_EQ(subscriber.got<stream_lost>().size(), 1u);
  EXPECT_EQ(subscriber.got<stream_lost>()[0].stream, second);
}

TEST_F(stream_keeper_test, a_database_that_is_away_changes_nothing_and_is_asked_again) {
  answer(std::vector{second});
  on.advance(2s);
  subscriber.take<stream_held>();
  store.take<do_adopt>();
  answer(std::unexpected(db::error{db::error_kind::unavailable, "away"}));
  EXPECT_TRUE(subscriber.got<stream_held>().empty()); // the lease runs on, unrenewed
  EXPECT_TRUE(subscriber.got<stream_lost>().empty());
  on.advance(2s);
  ASSERT_EQ(store.got<do_adopt>().size(), 1u);
  EXPECT_EQ(store.take<do_adopt>()[0].held, std::vector{second});
}

} // namespace
} // namespace paymentd::actors
