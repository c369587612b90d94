// Goal: one order's commands are settled one after the other, and memory answers only what no other
// process can change.
// Method: the test plays lane and reader by hand, message by message.
#include "actors/payment/order_actor.hpp"

#include "tests/actors/test_system.hpp"

#include <gtest/gtest.h>

namespace paymentd::actors {
namespace {

using namespace test;
using namespace std::chrono_literals;

class order_actor_test : public ::testing::Test {
 protected:
  void send(command what, std::chrono::milliseconds time = 1h) {
    submit first{{++sent, asker.handle(), on.now() + time}, std::move(what)};
    if (sent == 1)
      caf::anon_send(actor, assignment{order_id{1}, std::move(first)});
    else
      caf::anon_send(actor, std::move(first));
    on.run();
  }
  void pay_by(std::int64_t user) { send(pay{{1}, {user}}); }

  /// Answers the newest question to the lane, or to the reader.
  void settle(outcome_reply with) {
    caf::anon_send(actor, settled{lane.got<submit>().back().from.number, std::move(with)});
    on.run();
  }
  void read(answer_reply with) {
    caf::anon_send(actor, looked_up{reader.got<look_up>().back().from.number, std::move(with)});
    on.run();
  }

  std::size_t settles() { return lane.got<submit>().size(); }
  std::size_t reads() { return reader.got<look_up>().size(); }
  std::vector<settled> replies() { return asker.take<settled>(); }

  test_system on;
  inbox<submit> lane{on};
  inbox<look_up> reader{on};
  inbox<settled> asker{on};
  std::shared_ptr<answered_count> answered = std::make_shared<answered_count>(0);
  std::uint64_t sent = 0;
  std::shared_ptr<database_generation> generation = std::make_shared<database_generation>(0);
  caf::actor actor = on.system.spawn(
      order_actor, answered,
      std::make_shared<const order_actor_context>(order_actor_context{.lanes = {lane.handle()},
                                                                      .readers = {reader.handle()},
                                                                      .waiters_max = 2,
                                                                      .generation = generation}));
};

TEST_F(order_actor_test, a_second_pay_waits_for_the_first_and_is_then_refused_as_paid) {
  pay_by(7);
  pay_by(7);
  EXPECT_EQ(settles(), 1u);
  settle(paid_order(1, 7, 10));
  EXPECT_EQ(settles(), 1u); // memory knows that it is not payable; its present status is read
  ASSERT_EQ(reads(), 1u);
  read(answer{paid_order(1, 7, 10)});
  const auto got = replies();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].number, 1u);
  EXPECT_EQ(*got[0].reply, outcome(paid_order(1, 7, 10)));
  EXPECT_EQ(got[1].number, 2u);
  EXPECT_EQ(*got[1].reply, refusal_of(refusal::order_not_payable, order_status::paid));
}

TEST_F(order_actor_test, a_second_pay_is_settled_where_the_first_was_refused) {
  pay_by(7);
  pay_by(7);
  settle(refusal_of(refusal::insufficient_balance));
  EXPECT_EQ(settles(), 2u);
  settle(paid_order(1, 7, 10));
  EXPECT_EQ(replies().size(), 2u);
}

TEST_F(order_actor_test, a_second_pay_is_settled_where_the_firsts_outcome_is_unknown) {
  pay_by(7);
  pay_by(7);
  settle(std::unexpected(no_outcome::outcome_unknown));
  EXPECT_EQ(settles(), 2u);
}

TEST_F(order_actor_test, a_refund_by_another_process_shows_in_the_status) {
  pay_by(7);
  settle(paid_order(1, 7, 10));
  pay_by(7);
  order refunded = paid_order(1, 7, 10);
  refunded.status = order_status::refunded;
  read(answer{refunded});
  EXPECT_EQ(*replies().back().reply,
            refusal_of(refusal::order_not_payable, order_status::refunded));
  pay_by(7); // REFUNDED never changes: no question to anybody
  EXPECT_EQ(settles(), 1u);
  EXPECT_EQ(reads(), 1u);
  EXPECT_EQ(*replies().back().reply,
            refusal_of(refusal::order_not_payable, order_status::refunded));
}

TEST_F(order_actor_test, a_paid_order_is_another_users_before_it_is_paid) {
  pay_by(7);
  settle(paid_order(1, 7, 10));
  pay_by(8);
  EXPECT_EQ(*replies().back().reply, refusal_of(refusal::order_not_found));
}

TEST_F(order_actor_test, whose_order_it_is_must_be_known_before_memory_answers) {
  send(cancel{{1}});
  settle(refusal_of(refusal::order_not_cancellable, order_status::refunded));
  pay_by(8);
  EXPECT_EQ(settles(), 2u); // the refused cancel did not tell the owner
}

TEST_F(order_actor_test, a_refund_of_a_paid_order_is_settled) {
  pay_by(7);
  settle(paid_order(1, 7, 10));
  send(refund{{1}});
  EXPECT_EQ(settles(), 2u);
  order refunded = paid_order(1, 7, 10);
  refunded.status = order_status::refunded;
  settle(refunded);
  send(refund{{1}});
  EXPECT_EQ(settles(), 2u);
  EXPECT_EQ(*replies().back().reply,
            refusal_of(refusal::order_not_refundable, order_status::refunded));
}

TEST_F(order_actor_test, a_cancel_of_a_paid_order_tells_its_present_status) {
  pay_by(7);
  settle(paid_order(1, 7, 10));
  send(cancel{{1}});
  read(answer{paid_order(1, 7, 10)});
  EXPECT_EQ(*replies().back().reply,
            refusal_of(refusal::order_not_cancellable, order_status::paid));
}

TEST_F(order_actor_test, a_status_that_cannot_be_read_is_not_guessed) {
  pay_by(7);
  settle(paid_order(1, 7, 10));
  pay_by(7);
  read(std::unexpected(no_outcome::database_unavailable));
  EXPECT_EQ(replies().back().reply,
            outcome_reply(std::unexpected(no_outcome::database_unavailable)));
}

TEST_F(order_actor_test, what_the_database_does_not_know_any_more_is_settled_anew) {
  pay_by(7);
  settle(paid_order(1, 7, 10));
  pay_by(7);
  order pending = paid_order(1, 7, 10);
  pending.status = order_status::pending;
  read(answer{pending});
  EXPECT_EQ(settles(), 2u) << "the row decides, not memory";
  settle(paid_order(1, 7, 10));
  EXPECT_EQ(*replies().back().reply, outcome(paid_order(1, 7, 10)));
}

TEST_F(order_actor_test, memory_ends_with_the_connection_that_it_was_learned_under) {
  send(cancel{{1}});
  order cancelled = paid_order(1, 7, 10);
  cancelled.status = order_status::cancelled;
  settle(cancelled);
  pay_by(7);
  EXPECT_EQ(settles(), 1u) << "memory knows";
  ++*generation; // a lane has connected anew, to a server that may have lost the cancel
  pay_by(7);
  EXPECT_EQ(settles(), 2u);
  settle(paid_order(1, 7, 10));
  EXPECT_EQ(*replies().back().reply, outcome(paid_order(1, 7, 10)));
}

TEST_F(order_actor_test, an_outcome_of_an_ended_connection_teaches_nothing) {
  send(cancel{{1}});
  ++*generation;
  order cancelled = paid_order(1, 7, 10);
  cancelled.status = order_status::cancelled;
  settle(cancelled);
  pay_by(7);
  EXPECT_EQ(settles(), 2u);
}

TEST_F(order_actor_test, a_command_under_a_key_is_never_answered_from_memory) {
  pay_by(7);
  settle(paid_order(1, 7, 10));
  replies();
  command again = pay{{1}, {7}};
  again.key.emplace();
  send(again);
  EXPECT_EQ(settles(), 2u);
  EXPECT_EQ(reads(), 0u);
  EXPECT_TRUE(lane.got<submit>().back().what.key);
  const outcome earlier = replayed{paid_order(1, 7, 10)};
  settle(earlier);
  EXPECT_EQ(*replies().back().reply, earlier);
  // It tells how the order was, not how it is.
  pay_by(7);
  EXPECT_EQ(reads(), 1u);
}

TEST_F(order_actor_test, too_many_waiters_and_a_time_that_is_up_are_overloaded) {
  pay_by(7);
  send(pay{{1}, {7}}, 10ms);
  pay_by(7);
  pay_by(7);
  auto got = replies();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].number, 4u);
  on.advance(11ms);
  settle(refusal_of(refusal::insufficient_balance));
  got = replies();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[1].number, 2u);
  EXPECT_EQ(got[1].reply, outcome_reply(std::unexpected(no_outcome::overloaded)));
  EXPECT_EQ(settles(), 2u); // the third goes on
}

TEST_F(order_actor_test, counts_each_command_once_it_is_answered_or_shed) {
  for (int i = 0; i < 4; ++i)
    pay_by(7);
  EXPECT_EQ(*answered, 1u); // the fourth is one too many
  settle(refusal_of(refusal::insufficient_balance));
  EXPECT_EQ(*answered, 2u);
  settle(paid_order(1, 7, 10));
  EXPECT_EQ(*answered, 3u);
  read(answer{paid_order(1, 7, 10)});
  EXPECT_EQ(*answered, 4u);
}

TEST_F(order_actor_test, knows_nothing_of_its_former_order_once_it_has_another) {
  pay_by(7);
  order cancelled = paid_order(1, 7, 10);
  cancelled.status = order_status::cancelled;
  settle(cancelled);
  replies();
  caf::anon_send(actor,
                 assignment{order_id{2}, {{9, asker.handle(), on.now() + 1h}, pay{{2}, {7}}}});
  on.run();
  EXPECT_TRUE(replies().empty());
  ASSERT_EQ(settles(), 2u);
  settle(paid_order(2, 7, 11));
  EXPECT_EQ(*replies().at(0).reply, outcome(paid_order(2, 7, 11)));
  EXPECT_EQ(*answered, 2u);
}

} // namespace
} // namespace paymentd::actors
