// Goal: the lane's promises: a batch gathers while one is at the store, nothing is answered twice
// or never, and no error of the store turns into a wrong answer. Method: the test plays the store
// worker by hand, message by message, on a clock that it moves.
#include "actors/payment/settlement_lane.hpp"
#include "actors/payment_success.hpp"

#include "tests/actors/played_worker.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;

const stream_lease first_lease{{1}, 1};

class settlement_lane_test : public ::testing::Test {
 protected:
  void start(std::function<void(settlement_lane_options&)> change = {}) {
    settlement_lane_options options;
    options.worker = worker.as<db::settlement_store>();
    options.supervisors = {supervisor.handle()};
    options.keeper = keeper.handle();
    options.batch_max = 3;
    options.pending_max = 5;
    options.backoff = {.min = 100ms, .max = 1s, .factor = 2.0, .jitter = 0.0};
    if (change)
      change(options);
    counters = options.counters;
    database_changes = options.database_changes;
    health = options.health;
    lane = on.system.spawn(settlement_lane, options);
    on.run();
  }

  void start_ready(std::function<void(settlement_lane_options&)> change = {}) {
    start(change);
    give_stream(first_lease);
    worker.take<asked::take_stream>();
  }

  void TearDown() override { on.end(lane); }

  template <class T>
  void tell(T what) {
    caf::anon_send(lane, std::move(what));
    on.run();
  }

  /// Sends a payment of order `id`; its ticket has the order's number.
  void pay_order(std::int64_t id, std::chrono::milliseconds time = 1h) {
    tell(submit{{static_cast<std::uint64_t>(id), asker.handle(), on.now() + time}, pay{{id}, {7}}});
  }

  void give_stream(stream_lease stream) { worker.answer(lane, db::result<stream_lease>(stream)); }
  void settle_with(std::vector<outcome> outcomes, stream_lease under = first_lease) {
    worker.answer(lane, db::result<std::vector<outcome>>(std::move(outcomes)), under);
  }
  void fail_with(db::error_kind kind) {
    worker.answer(lane, db::result<std::vector<outcome>>(
                            std::unexpected(db::error{kind, "as the test wants"})));
  }
  void resolve_with(db::result<std::optional<std::vector<outcome>>> outcomes,
                    stream_lease under = {}) {
    worker.answer(lane, std::move(outcomes), under);
  }

  /// The orders of the batches that reached the worker since the last look.
  std::vector<std::vector<std::int64_t>> batches() {
    std::vector<std::vector<std::int64_t>> result;
    for (const asked::settle& each : worker.take<asked::settle>()) {
      result.emplace_back();
      for (const command& what : each.batch)
        result.back().push_back(std::get<pay>(what.what).order.value);
    }
    return result;
  }

  /// The replies to the asker since the last look: the ticket's number, and the reply.
  std::map<std::uint64_t, outcome_reply> replies() {
    std::map<std::uint64_t, outcome_reply> result;
    for (settled& each : asker.take<settled>())
      EXPECT_TRUE(result.emplace(each.number, std::move(each.reply)).second) << "answered twice";
    return result;
  }

  using batch_list = std::vector<std::vector<std::int64_t>>;

  test_system on;
  played_worker worker{on};
  inbox<payment_success> supervisor{on};
  inbox<stream_written, stream_left> keeper{on};
  inbox<settled> asker{on};
  std::shared_ptr<lane_counters> counters;
  std::shared_ptr<std::atomic<std::uint64_t>> database_changes;
  std::shared_ptr<lane_health> health;
  caf::actor lane;
};

TEST_F(settlement_lane_test, takes_a_stream_before_it_settles_anything) {
  start();
  pay_order(1);
  EXPECT_EQ(worker.got<asked::take_stream>().size(), 1u);
  EXPECT_TRUE(batches().empty());
  give_stream(first_lease);
  EXPECT_EQ(batches(), (batch_list{{1}}));
  ASSERT_EQ(keeper.got<stream_written>().size(), 1u);
  EXPECT_EQ(keeper.got<stream_written>().front().stream, first_lease);
}

TEST_F(settlement_lane_test, waiting_settling_and_the_size_of_each_batch_are_measured) {
  start_ready();
  const auto pay_now = [&](std::int64_t id) {
    tell(submit{{.number = static_cast<std::uint64_t>(id),
                 .reply_to = asker.handle(),
                 .begin_by = on.now() + 1h,
                 .asked_at = on.now()},
                pay{{id}, {7}}});
  };
  pay_now(1); // leaves at once
  on.advance(10ms);
  pay_now(2);
  pay_now(3);
  on.advance(30ms);
  EXPECT_EQ(counters->open, 3);
  settle_with({paid_order(1, 7, 10)});
  EXPECT_EQ(counters->open, 2);
  EXPECT_EQ(counters->settles.read().sum, 40'000);
  EXPECT_EQ(counters->waits.read().count(), 3u);
  EXPECT_EQ(counters->waits.read().sum, 2 * 30'000);
  settle_with({paid_order(2, 7, 11), refusal_of(refusal::order_not_found)});
  EXPECT_EQ(counters->settles.read().count(), 2u);
  EXPECT_EQ(counters->batch_sizes.read().count(), 2u);
  EXPECT_EQ(counters->batch_sizes.read().sum, 3);
  EXPECT_EQ(counters->open, 0);
}

TEST_F(settlement_lane_test, a_lone_command_leaves_at_once) {
  start_ready();
  pay_order(1);
  EXPECT_EQ(batches(), (batch_list{{1}}));
}

TEST_F(settlement_lane_test, what_comes_while_a_batch_is_at_the_store_leaves_together) {
  start_ready();
  pay_order(1);
  pay_order(2);
  pay_order(3);
  EXPECT_EQ(batches(), (batch_list{{1}}));
  settle_with({paid_order(1, 7, 10)});
  EXPECT_EQ(batches(), (batch_list{{2, 3}}));
  settle_with({paid_order(2, 7, 11), refusal_of(refusal::insufficient_balance)});
  EXPECT_TRUE(batches().empty());
  auto got = replies();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(*got.at(1), outcome(paid_order(1, 7, 10)));
  EXPECT_EQ(*got.at(2), outcome(paid_order(2, 7, 11)));
  EXPECT_EQ(*got.at(3), refusal_of(refusal::insufficient_balance));
  EXPECT_EQ(counters->batches, 2u);
  EXPECT_EQ(counters->commands, 3u);
}

TEST_F(settlement_lane_test, a_batch_has_its_bound) {
  start_ready();
  for (std::int64_t id = 1; id <= 6; ++id)
    pay_order(id);
  settle_with({paid_order(1, 7, 10)});
  EXPECT_EQ(batches(), (batch_list{{1}, {2, 3, 4}}));
}

TEST_F(settlement_lane_test, a_full_queue_sheds_load_and_what_waits_is_settled) {
  start_ready();
  for (std::int64_t id = 1; id <= 7; ++id) // one at the store, five that wait, one too many
    pay_order(id);
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(counters->open, 6) << "of seven";
  EXPECT_EQ(got.at(7), outcome_reply(std::unexpected(no_outcome::overloaded)));
}

TEST_F(settlement_lane_test, a_full_queue_first_lets_go_what_is_out_of_time) {
  start_ready();
  pay_order(1);
  for (std::int64_t id = 2; id <= 6; ++id)
    pay_order(id, 10ms);
  on.advance(11ms);
  pay_order(7);
  EXPECT_EQ(replies().size(), 5u);
  settle_with({paid_order(1, 7, 10)});
  EXPECT_EQ(batches(), (batch_list{{1}, {7}}));
}

TEST_F(settlement_lane_test, a_command_out_of_time_is_answered_and_never_begun) {
  start_ready();
  pay_order(1);
  pay_order(2, 50ms);
  pay_order(3);
  on.advance(51ms);
  settle_with({paid_order(1, 7, 10)});
  EXPECT_EQ(batches(), (batch_list{{1}, {3}}));
  EXPECT_EQ(replies().at(2), outcome_reply(std::unexpected(no_outcome::overloaded)));
}

TEST_F(settlement_lane_test, an_unavailable_store_is_probed_later_and_later_and_gets_the_batch) {
  start_ready();
  pay_order(1);
  EXPECT_EQ(batches(), (batch_list{{1}}));
  fail_with(db::error_kind::unavailable);
  pay_order(2);
  EXPECT_TRUE(batches().empty());
  on.advance(99ms);
  EXPECT_TRUE(batches().empty());
  on.advance(1ms);
  EXPECT_EQ(batches(), (batch_list{{}}));
  settle_with({});
  EXPECT_EQ(batches(), (batch_list{{1, 2}}));
  fail_with(db::error_kind::unavailable); // it answers, but the batch fails
  on.advance(199ms);
  EXPECT_TRUE(batches().empty());
  on.advance(1ms);
  EXPECT_EQ(batches(), (batch_list{{}}));
  fail_with(db::error_kind::unavailable); // it does not even answer
  on.advance(399ms);
  EXPECT_TRUE(batches().empty());
  on.advance(1ms);
  EXPECT_EQ(batches(), (batch_list{{}}));
  settle_with({});
  EXPECT_EQ(batches(), (batch_list{{1, 2}}));
  settle_with({paid_order(1, 7, 10), paid_order(2, 7, 11)});
  EXPECT_EQ(replies().size(), 2u);
  EXPECT_EQ(counters->batches_retried, 2u);

  pay_order(3); // a success resets the delay
  fail_with(db::error_kind::unavailable);
  batches();
  on.advance(100ms);
  EXPECT_EQ(batches(), (batch_list{{}}));
}

TEST_F(settlement_lane_test, while_the_database_is_away_time_out_says_so_and_nothing_happened) {
  start_ready();
  pay_order(1, 150ms);
  fail_with(db::error_kind::unavailable);
  on.advance(100ms);
  fail_with(db::error_kind::unavailable); // the probe
  EXPECT_TRUE(replies().empty());
  on.advance(100ms);
  EXPECT_EQ(replies().at(1), outcome_reply(std::unexpected(no_outcome::database_unavailable)));
}

TEST_F(settlement_lane_test, who_waits_while_the_store_does_not_answer_is_told_in_time) {
  start();
  pay_order(1, 1200ms); // the store is asked for a stream, and connects without end
  on.advance(1150ms);
  EXPECT_TRUE(replies().empty());
  on.advance(100ms);
  EXPECT_EQ(replies().at(1), outcome_reply(std::unexpected(no_outcome::database_unavailable)));
  give_stream(first_lease);
  EXPECT_TRUE(batches().empty());

  pay_order(2);
  pay_order(3, 200ms); // one batch takes its time
  on.advance(250ms);
  EXPECT_EQ(replies().at(3), outcome_reply(std::unexpected(no_outcome::overloaded)));
  EXPECT_EQ(batches(), (batch_list{{2}}));
}

TEST_F(settlement_lane_test, who_has_less_time_than_those_in_front_is_told_in_time_too) {
  start_ready();
  pay_order(1);
  pay_order(2, 10s);
  pay_order(3, 2s);
  on.pass(2100ms);
  EXPECT_TRUE(replies().contains(3));
  settle_with({paid_order(1, 7, 10)});
  EXPECT_EQ(batches().back(), (std::vector<std::int64_t>{2}));
}

TEST_F(settlement_lane_test, a_batch_whose_time_was_up_at_the_store_is_answered_at_once) {
  start_ready();
  pay_order(1, 50ms);
  on.advance(51ms);
  fail_with(db::error_kind::unavailable);
  EXPECT_EQ(replies().at(1), outcome_reply(std::unexpected(no_outcome::database_unavailable)));
}

TEST_F(settlement_lane_test, a_commit_in_doubt_is_resolved_before_anything_else) {
  start_ready();
  pay_order(1);
  pay_order(2);
  batches();
  fail_with(db::error_kind::in_doubt);
  EXPECT_EQ(worker.take<asked::resolve>().size(), 1u);
  EXPECT_TRUE(batches().empty());
  EXPECT_TRUE(replies().empty());

  resolve_with(std::unexpected(db::error{db::error_kind::unavailable, "still away"}));
  EXPECT_TRUE(worker.got<asked::resolve>().empty());
  on.advance(100ms);
  EXPECT_EQ(worker.take<asked::resolve>().size(), 1u);
  EXPECT_TRUE(batches().empty());

  const stream_lease second_lease{{1}, 2};
  resolve_with(std::vector<outcome>{paid_order(1, 7, 10)}, second_lease);
  EXPECT_EQ(*replies().at(1), outcome(paid_order(1, 7, 10)));
  EXPECT_EQ(batches(), (batch_list{{2}}));
  EXPECT_TRUE(keeper.got<stream_left>().empty()); // the same stream, under its next epoch
  EXPECT_EQ(keeper.got<stream_written>().back().stream, second_lease);
  ASSERT_EQ(supervisor.got<payment_success>().size(), 1u);
  EXPECT_EQ(supervisor.got<payment_success>().front().stream, second_lease);
}

TEST_F(settlement_lane_test, an_epoch_that_the_store_began_by_itself_is_told_to_the_subscribers) {
  start_ready();
  pay_order(1);
  const stream_lease second_lease{{1}, 2};
  keeper.take<stream_written>();
  const std::uint64_t before = *database_changes;
  settle_with({paid_order(1, 7, 10)}, second_lease);
  EXPECT_GT(*database_changes, before) << "order actors remember what was before";
  ASSERT_EQ(keeper.got<stream_written>().size(), 1u);
  EXPECT_EQ(keeper.got<stream_written>()[0].stream, second_lease);
  EXPECT_EQ(supervisor.got<payment_success>().at(0).stream, second_lease);
  EXPECT_TRUE(keeper.got<stream_left>().empty());
}

TEST_F(settlement_lane_test, a_commit_that_had_not_passed_is_settled_again) {
  start_ready();
  pay_order(1);
  fail_with(db::error_kind::in_doubt);
  batches();
  resolve_with(std::nullopt, {{1}, 2});
  EXPECT_EQ(batches(), (batch_list{{1}}));
  EXPECT_TRUE(replies().empty());
}

TEST_F(settlement_lane_test, a_commit_that_stays_in_doubt_is_answered_as_unknown) {
  start_ready();
  pay_order(1);
  fail_with(db::error_kind::in_doubt);
  resolve_with(std::unexpected(db::error{db::error_kind::broken, "gone"}));
  EXPECT_EQ(replies().at(1), outcome_reply(std::unexpected(no_outcome::outcome_unknown)));
  EXPECT_EQ(worker.take<asked::take_stream>().size(), 1u);
  EXPECT_EQ(keeper.got<stream_left>().size(), 1u) << "whose it is now is not known either";
}

using settlement_lane_death_test = settlement_lane_test;

TEST_F(settlement_lane_death_test, outcomes_that_are_not_of_the_batch_are_nobodys_answer) {
  start_ready();
  pay_order(1);
  batches();
  EXPECT_DEATH(settle_with({paid_order(8, 7, 10), paid_order(9, 7, 11)}),
               "a batch has one answer a request");
}

TEST_F(settlement_lane_test, a_lane_that_lost_its_stream_takes_another_and_settles_there) {
  start_ready();
  pay_order(1);
  batches();
  fail_with(db::error_kind::fenced);
  EXPECT_EQ(worker.take<asked::take_stream>().size(), 1u);
  EXPECT_EQ(keeper.got<stream_left>().size(), 1u);
  give_stream({{2}, 1});
  EXPECT_EQ(batches(), (batch_list{{1}}));
  EXPECT_EQ(keeper.got<stream_written>().back().stream, (stream_lease{{2}, 1}));
}

TEST_F(settlement_lane_test, a_broken_batch_is_settled_one_by_one_so_that_the_poison_fails_alone) {
  start_ready();
  pay_order(1);
  pay_order(2);
  pay_order(3);
  settle_with({paid_order(1, 7, 10)});
  batches();
  fail_with(db::error_kind::broken);
  EXPECT_EQ(batches(), (batch_list{{2}}));
  fail_with(db::error_kind::broken);
  EXPECT_EQ(replies().at(2), outcome_reply(std::unexpected(no_outcome::internal_error)));
  EXPECT_EQ(batches(), (batch_list{{3}}));
  pay_order(4);
  pay_order(5);
  settle_with({paid_order(3, 7, 11)});
  EXPECT_EQ(*replies().at(3), outcome(paid_order(3, 7, 11)));
  EXPECT_EQ(batches(), (batch_list{{4, 5}}));
}

TEST_F(settlement_lane_test, commands_whose_time_is_up_do_not_keep_the_others_apart) {
  start_ready();
  pay_order(1);
  settle_with({paid_order(1, 7, 10)});
  batches();
  pay_order(2);
  pay_order(3, 10ms);
  pay_order(4, 10ms);
  batches();
  settle_with({paid_order(2, 7, 11)});
  ASSERT_EQ(batches(), (batch_list{{3, 4}}));
  fail_with(db::error_kind::broken);
  EXPECT_EQ(batches(), (batch_list{{3}}));
  pay_order(5);
  pay_order(6);
  on.advance(11ms);
  fail_with(db::error_kind::broken);
  EXPECT_EQ(batches(), (batch_list{{5, 6}})) << "the fourth was to be tried alone, and is gone";
}

TEST_F(settlement_lane_test, a_command_on_a_row_that_is_locked_elsewhere_is_shed_alone) {
  start_ready();
  pay_order(1);
  pay_order(2);
  pay_order(3);
  settle_with({paid_order(1, 7, 10)});
  settle_with({refusal_of(refusal::row_locked), paid_order(3, 7, 11)});
  const auto got = replies();
  EXPECT_EQ(got.size(), 3u);
  EXPECT_EQ(got.at(2), outcome_reply(std::unexpected(no_outcome::row_locked)));
  EXPECT_EQ(*got.at(3), outcome(paid_order(3, 7, 11)));
}

TEST_F(settlement_lane_test,
       subscribers_are_told_of_payments_after_the_commit_and_of_nothing_else) {
  start_ready();
  pay_order(1);
  pay_order(2);
  EXPECT_TRUE(supervisor.got<payment_success>().empty());
  settle_with({refusal_of(refusal::order_not_found)});
  EXPECT_TRUE(supervisor.got<payment_success>().empty());
  settle_with({paid_order(2, 7, 11)});
  ASSERT_EQ(supervisor.got<payment_success>().size(), 1u);
  EXPECT_EQ(supervisor.got<payment_success>().front().last, make_entry_id({1}, 11));
}

TEST_F(settlement_lane_test, an_idle_lane_renews_its_lease_and_a_busy_one_need_not) {
  start_ready([](auto& options) { options.lease = 16s; });
  EXPECT_EQ(keeper.take<stream_written>().size(), 1u);
  on.advance(4s);
  EXPECT_EQ(batches(), (batch_list{{}}));
  settle_with({});
  EXPECT_EQ(counters->batches, 0u);
  pay_order(1);
  settle_with({paid_order(1, 7, 10)});
  batches();
  on.advance(4s);
  EXPECT_TRUE(batches().empty()); // the payment has renewed it
  on.advance(4s);
  EXPECT_EQ(batches(), (batch_list{{}}));
  EXPECT_TRUE(keeper.got<stream_written>().empty()) << "it is the same stream all the time";
}

TEST_F(settlement_lane_test, what_it_knows_of_the_database_is_told) {
  start();
  const auto condition = [&] { return health->at(on.now()); };
  EXPECT_EQ(condition(), condition::starting);
  give_stream(first_lease);
  EXPECT_EQ(condition(), condition::ok);
  pay_order(1);
  fail_with(db::error_kind::unavailable);
  EXPECT_EQ(condition(), condition::unavailable);
  on.pass(100ms); // it probes
  settle_with({});
  EXPECT_EQ(condition(), condition::unavailable) << "what failed before has not passed yet";
  settle_with({paid_order(1, 7, 10)});
  EXPECT_EQ(condition(), condition::ok);
  pay_order(2);
  on.pass(3s);
  EXPECT_EQ(condition(), condition::unavailable) << "a database that is silent is not well";
  settle_with({paid_order(2, 7, 11)});
  EXPECT_EQ(condition(), condition::ok);
}

TEST_F(settlement_lane_test, an_idle_one_that_is_asked_sees_whether_the_database_takes_a_write) {
  start_ready();
  tell(check_store{});
  EXPECT_TRUE(batches().empty()) << "it has just been asked";
  on.pass(1s);
  tell(check_store{});
  tell(check_store{});
  EXPECT_EQ(batches(), (batch_list{{}})) << "one that writes nothing, once";
  fail_with(db::error_kind::unavailable);
  EXPECT_EQ(health->at(on.now()), condition::unavailable);
  on.pass(100ms);
  settle_with({});
  EXPECT_EQ(health->at(on.now()), condition::ok);
  on.pass(1s);
  tell(check_store{});
  fail_with(db::error_kind::broken);
  EXPECT_EQ(health->at(on.now()), condition::unavailable);
}

TEST_F(settlement_lane_test, subscribers_that_come_and_go_are_told_while_they_are_there) {
  start_ready();
  inbox<payment_success> shop{on};
  tell(subscriber_begun{"webhook-shop", shop.handle()});
  pay_order(1);
  settle_with({paid_order(1, 7, 5)});
  EXPECT_EQ(shop.take<payment_success>().size(), 1u);
  EXPECT_EQ(supervisor.got<payment_success>().size(), 1u);
  tell(subscriber_ended{"webhook-shop", shop.handle()});
  pay_order(2);
  settle_with({paid_order(2, 7, 6)});
  EXPECT_TRUE(shop.got<payment_success>().empty());
  EXPECT_EQ(supervisor.got<payment_success>().size(), 2u);
}

} // namespace
} // namespace paymentd::actors
