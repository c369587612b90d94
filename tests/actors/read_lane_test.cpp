// Goal: reads are gathered while one is at the store, and each is answered once.
// Method: the test plays the store worker by hand.
#include "actors/payment/read_lane.hpp"

#include "tests/actors/played_worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;

class read_lane_test : public ::testing::Test {
 protected:
  void ask(std::int64_t id, std::chrono::milliseconds time = 1h) {
    caf::anon_send(lane, look_up{{static_cast<std::uint64_t>(id), asker.handle(), on.now() + time},
                                 get_order{{id}}});
    on.run();
  }
  void answer(db::result<std::vector<paymentd::answer>> with) {
    worker.answer(lane, std::move(with));
  }

  /// Those that came alone, then those that came together; and forgets them.
  std::vector<looked_up> answers() {
    std::vector<looked_up> all = asker.take<looked_up>();
    for (looked_up_many& each : asker.take<looked_up_many>())
      std::ranges::move(each.answers, std::back_inserter(all));
    return all;
  }

  test_system on;
  played_worker worker{on};
  inbox<looked_up, looked_up_many> asker{on};
  caf::actor lane =
      on.system.spawn(read_lane, read_lane_options{.name = "test",
                                                   .worker = worker.as<db::read_store>(),
                                                   .batch_max = 2,
                                                   .pending_max = 3,
                                                   .random = [] { return 0.0; }});
};

TEST_F(read_lane_test, what_comes_while_a_read_is_at_the_store_leaves_together) {
  for (std::int64_t id = 1; id <= 4; ++id)
    ask(id);
  ASSERT_EQ(worker.got<asked::read>().size(), 1u);
  answer(std::vector<paymentd::answer>{not_found{}});
  ASSERT_EQ(worker.got<asked::read>().size(), 2u);
  EXPECT_EQ(worker.got<asked::read>().back().queries.size(), 2u); // its bound
  answer(std::vector<paymentd::answer>{paid_order(2, 7, 1), not_found{}});
  auto got = answers();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[1].number, 2u);
  EXPECT_EQ(*got[1].reply, paymentd::answer(paid_order(2, 7, 1)));
}

TEST_F(read_lane_test, what_came_together_leaves_together_and_is_answered_together) {
  inbox<looked_up> other{on};
  look_up_many many;
  for (const std::uint64_t id : {1, 2})
    many.queries.push_back({{id, asker.handle(), on.now() + 1h}, get_order{{1}}});
  many.queries.push_back({{3, other.handle(), on.now() + 1h}, get_order{{3}}});
  many.queries.push_back({{4, asker.handle(), on.now() + 1h}, get_order{{4}}});
  caf::anon_send(lane, std::move(many));
  on.run();
  EXPECT_EQ(asker.take<looked_up>().at(0).number, 4u) << "there was no room for it";
  ASSERT_EQ(worker.got<asked::read>().size(), 1u);
  EXPECT_EQ(worker.got<asked::read>().back().queries.size(), 2u) << "the bound of a batch";
  answer(std::vector<paymentd::answer>{paid_order(1, 7, 1), not_found{}});
  EXPECT_THAT(asker.got<looked_up>(), ::testing::IsEmpty());
  ASSERT_EQ(asker.got<looked_up_many>().size(), 1u);
  const auto& together = asker.got<looked_up_many>()[0].answers;
  ASSERT_EQ(together.size(), 2u);
  EXPECT_EQ(*together[0].reply, paymentd::answer(paid_order(1, 7, 1)));
  EXPECT_EQ(together[1].number, 2u);
  answer(std::vector<paymentd::answer>{not_found{}});
  EXPECT_EQ(other.take<looked_up>().at(0).number, 3u);
}

TEST_F(read_lane_test, a_full_queue_and_a_time_that_is_up_are_overloaded) {
  ask(1);
  ask(2, 10ms);
  ask(3);
  ask(4);
  ask(5);
  ASSERT_EQ(asker.got<looked_up>().size(), 1u);
  EXPECT_EQ(asker.got<looked_up>()[0].number, 5u);
  on.advance(11ms);
  answer(std::vector<paymentd::answer>{not_found{}});
  auto got = answers();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[2].number, 2u);
  EXPECT_EQ(got[2].reply, answer_reply(std::unexpected(no_outcome::overloaded)));
}

TEST_F(read_lane_test, an_error_of_the_store_answers_the_batch_and_the_lane_goes_on) {
  ask(1);
  ask(2);
  answer(std::unexpected(db::error{db::error_kind::unavailable, "away"}));
  EXPECT_EQ(answers().at(0).reply, answer_reply(std::unexpected(no_outcome::database_unavailable)));
  ASSERT_EQ(worker.got<asked::read>().size(), 2u);
  answer(std::unexpected(db::error{db::error_kind::broken, "bug"}));
  EXPECT_EQ(answers().at(0).reply, answer_reply(std::unexpected(no_outcome::internal_error)));
}

TEST_F(read_lane_test, a_database_that_stays_away_is_asked_rarely_and_others_are_told_at_once) {
  const auto away = [] { return std::unexpected(db::error{db::error_kind::unavailable, "away"}); };
  for (int times = 0; times < 2; ++times) {
    ask(1);
    answer(away());
  }
  EXPECT_EQ(worker.take<asked::read>().size(), 2u);
  ask(2);
  EXPECT_TRUE(worker.got<asked::read>().empty()) << "it was asked a moment ago";
  EXPECT_EQ(answers().back().reply,
            answer_reply(std::unexpected(no_outcome::database_unavailable)));
  on.advance(21ms);
  ask(3);
  ASSERT_EQ(worker.take<asked::read>().size(), 1u);
  answer(std::vector<paymentd::answer>{not_found{}});
  ask(4);
  EXPECT_EQ(worker.take<asked::read>().size(), 1u) << "it is back";
}

using read_lane_death_test = read_lane_test;

TEST_F(read_lane_death_test, answers_that_are_too_few_are_nobodys) {
  ask(1);
  EXPECT_DEATH(answer(std::vector<paymentd::answer>{}), "a batch has one answer a request");
}

} // namespace
} // namespace paymentd::actors
