// Goal: old idempotency keys are forgotten in small steps, and a store that cannot does no harm.
// Method: the pruner beside a played worker, on the deterministic scheduler.
#include "actors/payment/key_pruner.hpp"
#include "tests/actors/played_worker.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;

class key_pruner_test : public ::testing::Test {
 public:
  ~key_pruner_test() override { on.end(pruner); }
  std::size_t asked() { return worker.take<asked::forget_keys>().size(); }

  test_system on;
  played_worker worker{on};
  caf::actor pruner = on.system.spawn(key_pruner, key_pruner_options{
                                                      .worker = worker.as<db::upkeep_store>(),
                                                      .retention = 24h,
                                                      .interval = 10s,
                                                      .pause = 20ms,
                                                  });
};

TEST_F(key_pruner_test, keys_are_forgotten_once_their_time_is_over) {
  on.pass(9s);
  EXPECT_EQ(asked(), 0u);
  on.pass(1s);
  const auto calls = worker.take<asked::forget_keys>();
  ASSERT_EQ(calls.size(), 1u);
  const auto age = system_wall_clock() - calls[0].before;
  EXPECT_GE(age, 24h);
  EXPECT_LT(age, 24h + 1min);
}

TEST_F(key_pruner_test, it_goes_on_at_once_as_long_as_there_are_many) {
  on.pass(10s);
  EXPECT_EQ(asked(), 1u);
  worker.answer<std::int64_t>(pruner, db::upkeep_store::forgotten_at_once);
  on.pass(20ms);
  EXPECT_EQ(asked(), 1u);
  worker.answer<std::int64_t>(pruner, db::upkeep_store::forgotten_at_once - 1);
  on.pass(9s);
  EXPECT_EQ(asked(), 0u);
  on.pass(1s);
  EXPECT_EQ(asked(), 1u);
}

TEST_F(key_pruner_test, one_question_at_a_time_is_at_the_store) {
  on.pass(60s);
  EXPECT_EQ(asked(), 1u);
}

TEST_F(key_pruner_test, a_store_that_cannot_is_asked_again_later) {
  on.pass(10s);
  EXPECT_EQ(asked(), 1u);
  worker.answer<std::int64_t>(pruner,
                              std::unexpected(db::error{db::error_kind::unavailable, "away"}));
  on.pass(10s);
  EXPECT_EQ(asked(), 1u);
}

} // namespace
} // namespace paymentd::actors
