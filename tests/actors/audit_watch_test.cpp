// Goal: the result of the last audit is looked for now and then, one question at a time, and what
// was read last stays while the database is away. Method: the watch beside a played worker, on the
// deterministic scheduler.
#include "actors/payment/audit_watch.hpp"
#include "tests/actors/played_worker.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;
using answers = std::vector<paymentd::answer>;

class audit_watch_test : public ::testing::Test {
 public:
  ~audit_watch_test() override { on.end(watch); }
  /// How many questions there were; each is for the audits.
  std::size_t asked() {
    const auto reads = worker.take<asked::read>();
    for (const auto& each : reads) {
      EXPECT_EQ(each.queries.size(), 1U);
      EXPECT_TRUE(std::holds_alternative<get_audits>(each.queries.at(0)));
    }
    return reads.size();
  }
  void answer(db::result<answers> with) { worker.answer<answers>(watch, std::move(with)); }
  static noted_audits last(std::int64_t breaches, instant began_at) {
    noted_audits made;
    made.last = audit_result{.began_at = began_at, .breaches = breaches};
    return made;
  }

  test_system on;
  played_worker worker{on};
  std::shared_ptr<audit_gauges> gauges = std::make_shared<audit_gauges>();
  caf::actor watch = on.system.spawn(audit_watch, audit_watch_options{
                                                      .worker = worker.as<db::read_store>(),
                                                      .gauges = gauges,
                                                      .interval = 10s,
                                                  });
};

TEST_F(audit_watch_test, the_newest_result_is_read_every_interval) {
  on.pass(9s);
  EXPECT_EQ(asked(), 0U);
  on.pass(1s);
  EXPECT_EQ(asked(), 1U);
  answer(answers{last(3, instant{5s})});
  EXPECT_EQ(gauges->began_at_ms, 5000);
  EXPECT_EQ(gauges->breaches, 3);
  on.pass(10s);
  EXPECT_EQ(asked(), 1U);
  answer(answers{last(0, instant{7s})});
  EXPECT_EQ(gauges->began_at_ms, 7000);
  EXPECT_EQ(gauges->breaches, 0);
}

TEST_F(audit_watch_test, before_the_first_audit_there_is_no_breach_and_no_time) {
  on.pass(10s);
  answer(answers{noted_audits{}});
  EXPECT_EQ(gauges->began_at_ms, 0);
  EXPECT_EQ(gauges->breaches, 0);
  asked();
  on.pass(10s);
  EXPECT_EQ(asked(), 1U);
}

TEST_F(audit_watch_test, the_result_stays_while_the_database_is_away) {
  on.pass(10s);
  answer(answers{last(3, instant{5s})});
  on.pass(10s);
  answer(std::unexpected(db::error{db::error_kind::unavailable, "away"}));
  EXPECT_EQ(gauges->began_at_ms, 5000);
  EXPECT_EQ(gauges->breaches, 3);
  asked();
  on.pass(10s);
  EXPECT_EQ(asked(), 1U);
}

TEST_F(audit_watch_test, one_question_at_a_time_is_at_the_store) {
  on.pass(60s);
  EXPECT_EQ(asked(), 1U);
}

} // namespace
} // namespace paymentd::actors
