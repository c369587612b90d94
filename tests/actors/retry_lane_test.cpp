// Goal: every retry that is asked for gets one answer, whatever the store says, and who delivers is
// told of what became due. Method: the lane between inboxes, on the deterministic scheduler.
#include "actors/delivery/notification_actor.hpp"
#include "actors/delivery/retry_lane.hpp"
#include "tests/actors/played_worker.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;

class retry_lane_test : public ::testing::Test {
 public:
  ~retry_lane_test() override { on.end(lane); }

  void ask(std::int64_t number, const std::string& name = "alimtalk") {
    caf::anon_send(lane, retry_delivery{{++sent, asker.handle(), on.now() + 1s},
                                        {{name, make_entry_id({3}, number)}}});
    on.run();
  }
  void answer(db::result<std::vector<paymentd::answer>> answers) {
    worker.answer(lane, std::move(answers));
  }
  static paymentd::answer made_due(std::int64_t number) {
    delivery due;
    due.subscriber = "alimtalk";
    due.entry = make_entry_id({3}, number);
    return due;
  }

  test_system on;
  played_worker worker{on};
  inbox<retries_due> supervisor{on};
  inbox<looked_up> asker{on};
  std::uint64_t sent = 0;
  retry_lane_options options{.worker = worker.as<db::delivery_store>(),
                             .supervisors = {{"alimtalk", supervisor.handle()}},
                             .batch_max = 2,
                             .pending_max = 3};
  caf::actor lane = on.system.spawn(retry_lane, options);
};

TEST_F(retry_lane_test, what_comes_meanwhile_goes_in_the_next_batch) {
  for (int i = 1; i <= 4; ++i)
    ask(i);
  ASSERT_EQ(worker.got<asked::retry>().size(), 1u);
  EXPECT_EQ(worker.take<asked::retry>()[0].which.size(), 1u);
  answer(std::vector<paymentd::answer>{made_due(1)});
  ASSERT_EQ(worker.got<asked::retry>().size(), 1u);
  EXPECT_EQ(worker.take<asked::retry>()[0].which.size(), 2u);
}

TEST_F(retry_lane_test, each_is_answered_and_who_delivers_is_told_once_a_stream) {
  ask(1);
  ask(2);
  ask(3);
  answer(std::vector<paymentd::answer>{made_due(1)});
  EXPECT_EQ(supervisor.take<retries_due>().size(), 1u);
  answer(std::vector<paymentd::answer>{made_due(2), made_due(3)});
  const auto told = supervisor.take<retries_due>();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].stream, stream_id{3});
  const auto got = asker.take<looked_up>();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[2].number, 3u);
  EXPECT_EQ(std::get<delivery>(*got[2].reply).entry, make_entry_id({3}, 3));
}

TEST_F(retry_lane_test, who_delivers_is_not_told_of_what_was_not_retried) {
  ask(1);
  answer(std::vector<paymentd::answer>{not_failed{delivery_status::delivered}});
  EXPECT_TRUE(supervisor.got<retries_due>().empty());
  EXPECT_TRUE(std::holds_alternative<not_failed>(*asker.take<looked_up>().at(0).reply));
}

TEST_F(retry_lane_test, a_key_goes_to_the_store_and_of_a_retry_that_is_given_again_nobody_is_told) {
  const idempotency_key key{.digest = {7}, .body = 8};
  caf::anon_send(lane, retry_delivery{{1, asker.handle(), on.now() + 1s},
                                      {{"alimtalk", make_entry_id({3}, 1)}, key}});
  on.run();
  EXPECT_EQ(worker.got<asked::retry>().at(0).which.at(0).key, key);
  const auto before = std::get<delivery>(made_due(1));
  answer(std::vector<paymentd::answer>{replayed_retry{before}});
  EXPECT_TRUE(supervisor.got<retries_due>().empty());
  EXPECT_EQ(std::get<replayed_retry>(*asker.take<looked_up>().at(0).reply).what, before);
}

TEST_F(retry_lane_test, each_kind_of_error_tells_whether_it_may_have_happened) {
  for (const auto& [kind, why] : std::vector<std::pair<db::error_kind, no_outcome>>{
           {db::error_kind::unavailable, no_outcome::database_unavailable},
           {db::error_kind::in_doubt, no_outcome::outcome_unknown},
           {db::error_kind::broken, no_outcome::internal_error}}) {
    ask(1);
    answer(std::unexpected(db::error{kind, "as told"}));
    EXPECT_EQ(asker.take<looked_up>().at(0).reply.error(), why);
  }
}

TEST_F(retry_lane_test, all_that_failed_is_retried_by_one_transaction_after_the_other) {
  for (std::uint64_t number : {1, 2})
    caf::anon_send(lane, retry_all_failed{{number, asker.handle(), on.now() + 1s},
                                          {.subscriber = "alimtalk"}});
  on.run();
  ASSERT_EQ(worker.got<asked::retry_failed>().size(), 1u); // one request at a time
  EXPECT_EQ(worker.take<asked::retry_failed>()[0].which.subscriber, "alimtalk");
  const db::failed_progress first{
      .subscriber = {7}, .behind = {9}, .count = 2, .name = "alimtalk", .due = {{3}, {4}}};
  worker.answer(lane, db::result<db::failed_progress>(first));
  EXPECT_EQ(supervisor.take<retries_due>().size(), 2u);
  EXPECT_TRUE(asker.got<looked_up>().empty());
  const auto next = worker.take<asked::retry_failed>().at(0).so_far;
  EXPECT_EQ(next.behind, entry_id{9});
  EXPECT_EQ(next.count, 2);
  worker.answer(lane, db::result<db::failed_progress>({.outcome = retried_count{2}}));
  EXPECT_EQ(std::get<retried_count>(*asker.take<looked_up>().at(0).reply).count, 2);
  ASSERT_EQ(worker.take<asked::retry_failed>().size(), 1u); // the second request
  worker.answer(lane, db::result<db::failed_progress>(first));
  // A part of it happened, so "nothing happened" would not be true.
  worker.answer(lane, db::result<db::failed_progress>(
                          std::unexpected(db::error{db::error_kind::unavailable, "as told"})));
  EXPECT_EQ(asker.take<looked_up>().at(0).reply.error(), no_outcome::outcome_unknown);
}

TEST_F(retry_lane_test, requests_for_all_have_a_bound_and_a_time) {
  const auto ask_all = [&] {
    caf::anon_send(lane, retry_all_failed{{++sent, asker.handle(), on.now() + 1s}, {}});
    on.run();
  };
  for (std::size_t i = 0; i <= options.all_pending_max; ++i)
    ask_all();
  EXPECT_EQ(asker.take<looked_up>().at(0).reply.error(), no_outcome::overloaded);
  on.advance(2s);
  worker.answer(lane, db::result<db::failed_progress>({.outcome = retried_count{1}}));
  const auto got = asker.take<looked_up>();
  ASSERT_EQ(got.size(), options.all_pending_max);
  EXPECT_TRUE(got[0].reply);
  EXPECT_EQ(got[1].reply.error(), no_outcome::overloaded); // too late to begin
}

TEST_F(retry_lane_test, too_many_and_too_late_ones_are_answered_overloaded) {
  for (int i = 1; i <= 5; ++i)
    ask(i);
  auto got = asker.take<looked_up>();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].number, 5u);
  EXPECT_EQ(got[0].reply.error(), no_outcome::overloaded);
  on.advance(2s);
  answer(std::vector<paymentd::answer>{made_due(1)});
  got = asker.take<looked_up>();
  ASSERT_EQ(got.size(), 4u);
  EXPECT_TRUE(got.back().reply.has_value() || got.front().reply.has_value());
  EXPECT_EQ(worker.got<asked::retry>().size(), 1u) << "nobody waits for the others any more";
}

} // namespace
} // namespace paymentd::actors
