// Goal: the backlog of each subscriber is measured now and then, one question at a time, and what
// was measured last stays while the database is away. Method: the watch beside a played worker, on
// the deterministic scheduler.
#include "actors/delivery/backlog_watch.hpp"
#include "tests/actors/played_worker.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;

using names = std::vector<std::string>;

class backlog_watch_test : public ::testing::Test {
 public:
  ~backlog_watch_test() override { on.end(watch); }
  names asked() {
    names all;
    for (const auto& each : worker.take<asked::measure_backlog>()) {
      all.push_back(each.subscriber);
      EXPECT_EQ(each.looked_at_max, 100);
    }
    return all;
  }
  void answer(db::result<delivery_backlog> with) {
    worker.answer<delivery_backlog>(watch, std::move(with));
  }

  test_system on;
  played_worker worker{on};
  std::shared_ptr<delivery_counters> alimtalk = std::make_shared<delivery_counters>();
  std::shared_ptr<delivery_counters> webhook = std::make_shared<delivery_counters>();
  caf::actor watch =
      on.system.spawn(backlog_watch, backlog_watch_options{
                                         .worker = worker.as<db::upkeep_store>(),
                                         .subscribers = {{"alimtalk", alimtalk}, {"shop", webhook}},
                                         .interval = 10s,
                                         .looked_at_max = 100,
                                     });
};

TEST_F(backlog_watch_test, each_subscriber_is_measured_in_its_turn) {
  on.pass(9s);
  EXPECT_EQ(asked(), names{});
  on.pass(1s);
  EXPECT_EQ(asked(), names{"alimtalk"});
  answer(delivery_backlog{.messages = 7, .oldest = instant{5s}});
  EXPECT_EQ(alimtalk->backlog, 7);
  EXPECT_EQ(alimtalk->backlog_oldest_ms, 5000);
  EXPECT_EQ(asked(), names{"shop"});
  answer(delivery_backlog{});
  EXPECT_EQ(webhook->backlog, 0);
  EXPECT_EQ(webhook->backlog_oldest_ms, 0);
  EXPECT_EQ(asked(), names{});
  on.pass(10s);
  EXPECT_EQ(asked(), names{"alimtalk"});
}

TEST_F(backlog_watch_test, what_was_measured_last_stays_while_the_database_is_away) {
  alimtalk->backlog = 3;
  on.pass(10s);
  EXPECT_EQ(asked(), names{"alimtalk"});
  answer(std::unexpected(db::error{db::error_kind::unavailable, "away"}));
  EXPECT_EQ(alimtalk->backlog, 3);
  EXPECT_EQ(asked(), names{}) << "the next one would be no better";
  on.pass(10s);
  EXPECT_EQ(asked(), names{"alimtalk"});
}

TEST_F(backlog_watch_test, one_question_at_a_time_is_at_the_store) {
  on.pass(60s);
  EXPECT_EQ(asked(), names{"alimtalk"});
}

} // namespace
} // namespace paymentd::actors
